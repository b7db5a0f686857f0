import { UploadResponseError } from '../../errors/index.js';
import type { Backlog } from '../../ingress/index.js';

/** Held back when so much of the budget is used, ... */
const PAUSE_SHARE = 1 / 2;
/** ... with room for so much that is on its way, twice, ... */
export const BURST_SHARE = 1 / 4;
/** ... and let go again at this. */
const RESUME_SHARE = 1 / 4;

export interface BacklogLimits {
  /** Bytes of one request that may wait for room in its lane. */
  readonly streamBudgetBytes: number;
  /** Bytes of all requests of the listener. */
  readonly budgetBytes: number;
}

/** What of all requests waits. */
export class ListenerBacklog {
  readonly #limits: BacklogLimits;
  readonly #onPause: () => void;
  readonly #onResume: () => void;
  #usedBytes = 0;
  #paused = false;

  constructor(limits: BacklogLimits, onPause: () => void, onResume: () => void) {
    this.#limits = limits;
    this.#onPause = onPause;
    this.#onResume = onResume;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** One more request. */
  stream(): StreamBacklog {
    return new StreamBacklog(this, this.#limits.streamBudgetBytes);
  }

  /** @throws UploadResponseError BACKLOG_LIMIT, and nothing is taken */
  take(bytes: number): void {
    const { budgetBytes } = this.#limits;
    if (this.#usedBytes + bytes > budgetBytes) {
      const detail = `all requests over HTTP/3 may have ${budgetBytes} bytes waiting`;
      throw new UploadResponseError('BACKLOG_LIMIT', detail);
    }
    this.#usedBytes += bytes;
    if (this.#paused || this.#usedBytes < budgetBytes * PAUSE_SHARE) return;
    this.#paused = true;
    this.#onPause();
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    if (!this.#paused || this.#usedBytes > this.#limits.budgetBytes * RESUME_SHARE) return;
    this.#paused = false;
    this.#onResume();
  }
}

/** What of one request waits. */
export class StreamBacklog implements Backlog {
  readonly #listener: ListenerBacklog;
  readonly #limitBytes: number;
  #usedBytes = 0;

  constructor(listener: ListenerBacklog, limitBytes: number) {
    this.#listener = listener;
    this.#limitBytes = limitBytes;
  }

  /** @throws UploadResponseError BACKLOG_LIMIT, and nothing is taken */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#limitBytes) {
      const detail = `one request over HTTP/3 may have ${this.#limitBytes} bytes waiting`;
      throw new UploadResponseError('BACKLOG_LIMIT', detail);
    }
    this.#listener.take(bytes);
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#listener.give(bytes);
  }
}
