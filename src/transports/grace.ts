/** Who a publisher is, for those who come after it. */
export interface Identity {
  /** Undefined where nobody is known by name: then the address has to be the same. */
  readonly subject: string | undefined;
  /** IP address. */
  readonly peer: string;
}

/** Whether one may go on with what the other has begun. */
export function isSame(one: Identity, other: Identity): boolean {
  return one.subject === undefined && other.subject === undefined
    ? one.peer === other.peer
    : one.subject === other.subject;
}

/** What waits for a client that has gone and may come back. */
export class GracePeriod<Waiting> {
  readonly #graceMs: number;
  readonly #expired: (one: Waiting) => void;
  readonly #timers = new Map<Waiting, NodeJS.Timeout>();

  /** `graceMs` 0: nothing waits. `expired`: the client has not come back; it waits no more. */
  constructor(graceMs: number, expired: (one: Waiting) => void) {
    this.#graceMs = graceMs;
    this.#expired = expired;
  }

  get isOn(): boolean {
    return this.#graceMs > 0;
  }

  /** How many wait. */
  get size(): number {
    return this.#timers.size;
  }

  has(one: Waiting): boolean {
    return this.#timers.has(one);
  }

  /** False where nothing waits. */
  wait(one: Waiting): boolean {
    if (!this.isOn) return false;
    clearTimeout(this.#timers.get(one));
    const timer = setTimeout(() => {
      this.#timers.delete(one);
      this.#expired(one);
    }, this.#graceMs);
    this.#timers.set(one, timer);
    return true;
  }

  /** It need not wait any more; no matter whether it did. */
  end(one: Waiting): void {
    clearTimeout(this.#timers.get(one));
    this.#timers.delete(one);
  }

  /** Nobody can come back: the time of all is over. */
  expireAll(): void {
    for (const one of [...this.#timers.keys()]) {
      this.end(one);
      this.#expired(one);
    }
  }
}
