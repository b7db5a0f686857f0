const FIRST_MS = 100;
const LAST_MS = 10_000;
/** A process that has lived this long has started well: its next death counts as the first. */
const STEADY_MS = 5_000;

/** How long to wait before a process that died is started again: longer each time it dies early. */
export class Backoff {
  #startedAt = 0;
  #failures = 0;

  started(): void {
    this.#startedAt = performance.now();
  }

  /** It has started well. */
  get steady(): boolean {
    return performance.now() - this.#startedAt >= STEADY_MS;
  }

  /** Milliseconds until the next start. */
  died(): number {
    if (this.steady) this.#failures = 0;
    return Math.min(LAST_MS, FIRST_MS * 2 ** this.#failures++);
  }
}
