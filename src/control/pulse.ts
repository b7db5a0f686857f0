/** A timer that is later than this says more about this process than about whom it waits for. */
const LATE_MS = 500;

/** Knows whether somebody lives, by when it was last heard of. */
export class Pulse {
  readonly #silent: () => void;
  /** Requests that are under way, and until when they wait. */
  readonly #waits = new Set<{ until: number }>();
  #timeoutMs: number;
  #heard = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `silent` runs once, when nothing was heard for `timeoutMs`. */
  constructor(timeoutMs: number, silent: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#silent = silent;
    this.#watch();
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** When it counts as dead unless it is heard of: ms from now. */
  get leftMs(): number {
    let from = this.#heard;
    for (const { until } of this.#waits) from = Math.max(from, until);
    return Math.max(0, from + this.#timeoutMs - performance.now());
  }

  /** It was heard of; from now on it may be silent for so long. */
  beat(timeoutMs = this.#timeoutMs): void {
    this.#heard = performance.now();
    this.#timeoutMs = timeoutMs;
    this.#watch();
  }

  /** Runs a request of it. While that waits, for `waitMs` at most, it need not be heard of; `run` is
   *  given the way to wait anew. */
  async during<T>(waitMs: number, run: (extend: (ms: number) => void) => Promise<T>): Promise<T> {
    const wait = { until: 0 };
    const extend = (ms: number): void => {
      this.#heard = performance.now();
      wait.until = this.#heard + ms;
    };
    extend(waitMs);
    this.#waits.add(wait);
    try {
      return await run(extend);
    } finally {
      this.#waits.delete(wait);
      if (!this.#stopped) this.beat();
    }
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #end(): void {
    this.#stopped = true;
    this.#silent();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    const ms = this.leftMs;
    const due = performance.now() + ms;
    this.#timer = setTimeout(() => {
      if (this.leftMs === 0) {
        if (performance.now() - due < LATE_MS) return this.#end();
        // What it has sent meanwhile has not been looked at.
        this.#heard = performance.now();
      }
      this.#watch();
    }, ms).unref();
  }
}
