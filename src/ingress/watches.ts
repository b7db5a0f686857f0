/** Tells whether a counter stands still for too long, without a look at the clock for each step. */
export class StallWatch {
  #count = -1;
  #since = 0;

  /** `limitMs` 0: never. */
  constructor(readonly limitMs: number) {}

  /** True when `count` has been the same for at least the limit while there was something to do. */
  stalled(now: number, count: number, busy: boolean): boolean {
    if (!busy || count !== this.#count) {
      this.#count = busy ? count : -1;
      this.#since = now;
      return false;
    }
    return this.limitMs > 0 && now - this.#since >= this.limitMs;
  }

  /** When to ask next. */
  get due(): number {
    return this.limitMs > 0 ? this.#since + this.limitMs : Number.POSITIVE_INFINITY;
  }
}

/** The minimum rate of an upload: averaged over windows, without the time in which we paused it. */
export class RateWatch {
  #windowMs: number;
  #bytes = 0;
  #began: number;
  #pausedAt: number | undefined;
  #pausedMs = 0;

  constructor(
    readonly minBytesPerSecond: number,
    graceMs: number,
    readonly windowMs: number,
    now: number,
  ) {
    this.#windowMs = graceMs;
    this.#began = now;
  }

  pause(now: number): void {
    this.#pausedAt ??= now;
  }

  resume(now: number): void {
    if (this.#pausedAt === undefined) return;
    this.#pausedMs += now - this.#pausedAt;
    this.#pausedAt = undefined;
  }

  /** True when `bytes`, the upload's count so far, came too slowly over the window that has passed. */
  tooSlow(now: number, bytes: number): boolean {
    if (now < this.due) return false;
    const seconds = (now - this.#began - this.#pausedMs) / 1000;
    const slow = (bytes - this.#bytes) / seconds < this.minBytesPerSecond;
    this.#bytes = bytes;
    this.#began = now;
    this.#pausedMs = 0;
    this.#windowMs = this.windowMs;
    return slow;
  }

  /** When the window has passed; not while it is paused. */
  get due(): number {
    if (this.minBytesPerSecond === 0 || this.#pausedAt !== undefined) {
      return Number.POSITIVE_INFINITY;
    }
    return this.#began + this.#pausedMs + this.#windowMs;
  }
}
