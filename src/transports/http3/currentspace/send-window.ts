import type { NativeMetrics } from './native-api.js';

/** What of one connection's responses may lie in the engine unsent. */
const WINDOW_BYTES = 512 * 1024;
/** What a packet has beside data, at least: the rest of the count is data, or nearly. */
const PACKET_OVERHEAD_BYTES = 32;
/** Less than this in so much time is no progress: what a silent client may have lost is sent again. */
const PROGRESS_BYTES = 8 * 1024;
const PROGRESS_MS = 1000;
const FIRST_LOOK_MS = 2;
const LAST_LOOK_MS = 100;

/**
 * What the engine has been given of one connection's responses and has not sent. It keeps what a client
 * does not take, without a limit for each client, and its word that there is room again is not reliable;
 * what it has sent can be asked for.
 */
export class SendWindow {
  readonly #metrics: () => NativeMetrics | undefined;
  #unsentBytes = 0;
  #sentBytes = 0;
  #movedAt = 0;
  /** What had been sent at a time, from which progress is counted. */
  #from = { bytes: 0, at: 0 };
  #lookMs = FIRST_LOOK_MS;
  #lookAt = 0;
  #closed = false;

  constructor(metrics: () => NativeMetrics | undefined) {
    this.#metrics = metrics;
  }

  /** An estimate, rather too small. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Milliseconds for which nothing of what there is was sent. */
  stalledMs(now: number): number {
    return this.#unsentBytes > 0 ? now - this.#movedAt : 0;
  }

  /** The engine was given so much. */
  admitted(bytes: number): void {
    if (this.#unsentBytes === 0) {
      const now = performance.now();
      this.#movedAt = now;
      this.#from = { bytes: this.#sentBytes, at: now };
    }
    if (!this.#closed) this.#unsentBytes += bytes;
  }

  /** The connection is being cut: nothing of it counts. */
  close(): void {
    this.#unsentBytes = 0;
    this.#closed = true;
  }

  /** More may be given. Looks, but not too often while nothing moves. */
  hasRoom(now: number): boolean {
    if (this.#unsentBytes >= WINDOW_BYTES && now >= this.#lookAt) this.look(now);
    return this.#unsentBytes < WINDOW_BYTES;
  }

  /** Asks the engine what it has sent. */
  look(now: number): void {
    const metrics = this.#metrics();
    if (!metrics) return;
    const sent = metrics.bytesOut - metrics.packetsOut * PACKET_OVERHEAD_BYTES;
    const moved = sent - this.#sentBytes;
    this.#sentBytes = sent;
    this.#unsentBytes = Math.max(0, this.#unsentBytes - Math.max(0, moved));
    this.#lookMs = moved > 0 ? FIRST_LOOK_MS : Math.min(LAST_LOOK_MS, this.#lookMs * 2);
    this.#lookAt = now + this.#lookMs;
    if (sent - this.#from.bytes >= PROGRESS_BYTES) this.#movedAt = now;
    else if (now - this.#from.at < PROGRESS_MS) return;
    this.#from = { bytes: sent, at: now };
  }
}
