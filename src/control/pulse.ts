/** A process that was busy or stopped finds the timer first, and only then what had come meanwhile. */
const GRACE_MS = 250;

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
    const due = performance.now() + GRACE_MS;
    const wake = ms > 0 ? () => this.#watch() : () => this.#look(due);
    this.#timer = setTimeout(wake, ms || GRACE_MS).unref();
  }

  /** Its time was over before the grace, in which this process has looked at what had come. */
  #look(due: number): void {
    const wasBusy = performance.now() - due > GRACE_MS;
    if (this.leftMs > 0 || wasBusy) this.#watch();
    else this.#end();
  }
}
