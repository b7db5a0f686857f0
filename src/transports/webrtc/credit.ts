import { UploadResponseError } from '../../errors/index.js';
import type { Backlog } from '../../ingress/index.js';

/** Windows are told in steps, not for every message. */
const STEPS_OF_WINDOW = 4;

/**
 * What one channel may send: counts what waits for room in the lane, and says when the client may send
 * more. Clients that heed no windows are stopped by the budget.
 */
export class Credit implements Backlog {
  readonly #windowBytes: number;
  readonly #budgetBytes: number;
  readonly #grant: (bytes: number) => void;
  #receivedBytes = 0;
  #waitingBytes = 0;
  #grantedBytes = 0;

  /** `grant` is called with the bytes that may have been sent since the beginning. */
  constructor(windowBytes: number, budgetBytes: number, grant: (bytes: number) => void) {
    this.#windowBytes = windowBytes;
    this.#budgetBytes = Math.max(budgetBytes, windowBytes);
    this.#grant = grant;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** Tells the client what it may send, where that is news. */
  update(): void {
    const allowed = this.#receivedBytes - this.#waitingBytes + this.#windowBytes;
    const step = this.#windowBytes / STEPS_OF_WINDOW;
    if (this.#grantedBytes > 0 && allowed - this.#grantedBytes < step) return;
    this.#grantedBytes = allowed;
    this.#grant(allowed);
  }

  /** @throws UploadResponseError BACKLOG_LIMIT */
  take(bytes: number): boolean {
    if (this.#waitingBytes + bytes > this.#budgetBytes) {
      throw new UploadResponseError('BACKLOG_LIMIT', `${this.#budgetBytes} bytes of a channel`);
    }
    this.#waitingBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#waitingBytes -= bytes;
    this.update();
  }
}
