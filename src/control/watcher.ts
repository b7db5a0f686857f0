import { Segment, WorkerRole } from '../ring/index.js';
import { StreamBell } from './stream-bell.js';

/** How long its row is kept after the last wait, so that a client that asks again finds it. */
const LINGER_MS = 5000;

/** An attachment of the server process that is told of everything and joins nothing. */
export interface Watching {
  readonly segment: Segment;
  readonly bell: StreamBell;
}

/**
 * Waits for those who are no workers. It takes a row of the segment while somebody waits: its rings are
 * its own, and the row of the server is not woken for every slot of every lane that is looked at.
 */
export class Watcher {
  readonly #socket: string;
  #watching: Promise<Watching> | undefined;
  #users = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** @throws UploadResponseError NO_FREE_WORKER, and what `wait` throws */
  async use<T>(wait: (watching: Watching) => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    this.#users++;
    try {
      this.#watching ??= this.#attach();
      return await wait(await this.#watching);
    } finally {
      this.#users--;
      if (this.#users === 0) this.#leaveSoon();
    }
  }

  /** Gives the row back. Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#leave();
  }

  async #attach(): Promise<Watching> {
    try {
      const segment = await Segment.attach({
        socket: this.#socket,
        name: 'control-api',
        role: WorkerRole.observer,
        observer: '',
        capacity: 0,
      });
      segment.native.setRef(false);
      // What it was attached to may have been lost, where another process was the arbiter.
      segment.onWake(() => {
        if (!segment.native.connected()) this.#leave();
      });
      return { segment, bell: new StreamBell(segment) };
    } catch (error) {
      this.#watching = undefined;
      throw error;
    }
  }

  #leaveSoon(): void {
    if (this.#closed) this.#leave();
    else this.#timer = setTimeout(() => this.#leave(), LINGER_MS).unref();
  }

  #leave(): void {
    const watching = this.#watching;
    this.#watching = undefined;
    watching
      ?.then(({ segment, bell }) => {
        segment.close();
        bell.close();
      })
      .catch(() => undefined);
  }
}
