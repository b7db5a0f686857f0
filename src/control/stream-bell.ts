import { UploadResponseError } from '../errors/index.js';
import type { Segment } from '../ring/index.js';
import type { Patience } from './patience.js';

/** Tells of new streams on one attachment, which is subscribed to them while somebody waits. */
export class StreamBell {
  readonly #segment: Segment;
  readonly #waiting = new Set<() => void>();
  readonly #closed = new AbortController();

  constructor(segment: Segment) {
    this.#segment = segment;
    segment.onStream(() => {
      for (const look of [...this.#waiting]) look();
    });
  }

  /**
   * What `look` finds, now or when a stream was rung; undefined when that was nothing in time.
   * `again` says in how many ms `look` would find something without a ring.
   * @throws UploadResponseError why the waiting ended, or what `look` throws
   */
  async until<T>(
    look: () => T | undefined,
    patience: Patience,
    again: () => number | undefined = () => undefined,
  ): Promise<T | undefined> {
    const { signal } = patience;
    let timer: NodeJS.Timeout | undefined;
    let ring: () => void = () => undefined;
    let leave: () => void = () => undefined;
    const found = new Promise<T>((resolve, reject) => {
      ring = () => {
        clearTimeout(timer);
        try {
          const seen = look();
          if (seen !== undefined) return resolve(seen);
          const ms = again();
          if (ms !== undefined) timer = setTimeout(ring, ms);
        } catch (error) {
          reject(error);
        }
      };
      leave = () => reject(signal.aborted ? signal.reason : this.#closed.signal.reason);
      this.#add(ring);
      // After subscribing, so that no stream can fall between the look and the first ring.
      ring();
      for (const one of [signal, this.#closed.signal]) {
        if (one.aborted) leave();
        else one.addEventListener('abort', leave, { once: true });
      }
    });
    try {
      return await patience.bounded(found);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      this.#closed.signal.removeEventListener('abort', leave);
      this.#remove(ring);
    }
  }

  /** Whoever waits need not any more: the attachment is given up. */
  close(): void {
    this.#closed.abort(new UploadResponseError('DETACHED'));
  }

  #add(look: () => void): void {
    if (this.#waiting.size === 0) this.#segment.native.waitForStreams(true);
    this.#waiting.add(look);
  }

  #remove(look: () => void): void {
    this.#waiting.delete(look);
    if (this.#waiting.size > 0 || this.#segment.closed) return;
    this.#segment.native.waitForStreams(false);
  }
}
