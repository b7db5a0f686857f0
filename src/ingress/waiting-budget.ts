/** What all exchanges together may keep waiting beside the ring. Bytes. */
export class WaitingBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;

  /** `limitBytes` 0: no limit. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes || Number.POSITIVE_INFINITY;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** False, and nothing is taken, where that would pass the limit. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
