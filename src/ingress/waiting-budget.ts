/** Counts the bytes of a request that wait for room in its lane. */
export interface Backlog {
  /** False, and nothing is taken, where that would be too much; or it throws what is to be said then. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Asks both, and takes of both or of none. */
export class BothBacklogs implements Backlog {
  constructor(
    readonly first: Backlog,
    readonly second: Backlog,
  ) {}

  take(bytes: number): boolean {
    if (!this.first.take(bytes)) return false;
    try {
      if (this.second.take(bytes)) return true;
    } catch (error) {
      this.first.give(bytes);
      throw error;
    }
    this.first.give(bytes);
    return false;
  }

  give(bytes: number): void {
    this.first.give(bytes);
    this.second.give(bytes);
  }
}

/** What all exchanges together may keep waiting beside the ring. Bytes. */
export class WaitingBudget implements Backlog {
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
