/** How often the value changes. */
const INTERVAL_MS = 1000;
/** Browsers send no video at all with much less. */
const MIN_BITS_PER_SECOND = 100_000;
/** Of what has come: less than that, so that what waits becomes less too. */
const DECREASE = 0.75;
const INCREASE = 1.25;

/**
 * What a publisher is told that it may send: so much, and less while its worker takes less than it sends.
 * Then frames would have to be left out; a smaller picture is better. Losses do not lower it: senders know
 * them from receiver reports and slow down themselves.
 */
export class BitrateLimit {
  readonly #maxBitsPerSecond: number;
  #bitsPerSecond: number;
  #receivedBytes = 0;
  #sinceMs: number;

  /** 0: publishers are told nothing, and it stays 0. */
  constructor(maxBitsPerSecond: number, nowMs: number) {
    this.#maxBitsPerSecond = maxBitsPerSecond;
    this.#bitsPerSecond = maxBitsPerSecond;
    this.#sinceMs = nowMs;
  }

  get bitsPerSecond(): number {
    return this.#bitsPerSecond;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** `isBehind`: much of what has come waits for the worker. Call it more often than each second. */
  look(isBehind: boolean, nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < INTERVAL_MS) return;
    const received = (this.#receivedBytes * 8000) / elapsedMs;
    this.#receivedBytes = 0;
    this.#sinceMs = nowMs;
    const max = this.#maxBitsPerSecond;
    if (isBehind) {
      const less = DECREASE * Math.min(received, this.#bitsPerSecond);
      this.#bitsPerSecond = Math.min(max, Math.max(MIN_BITS_PER_SECOND, Math.floor(less)));
    } else {
      this.#bitsPerSecond = Math.min(max, Math.ceil(INCREASE * this.#bitsPerSecond));
    }
  }
}
