/** What all exchanges together may keep waiting beside the ring. Bytes. */
export class WaitingBudget {
  #limitBytes = Number.POSITIVE_INFINITY;
  #usedBytes = 0;

  /** `limitBytes` 0: no limit. */
  constructor(limitBytes: number) {
    this.setLimit(limitBytes);
  }

  /** What waits beyond a smaller limit stays; nothing is added to it. */
  setLimit(limitBytes: number): void {
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
