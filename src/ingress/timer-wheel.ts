/** Something that wants to be looked at when its time has come. */
export interface Timed {
  /** Runs at or a little after the time it was scheduled for, and never for a cancelled one. */
  onTime(now: number): void;
}

const GRANULARITY_MS = 5;

/**
 * The one clock of all exchanges: deadlines are rounded up to a few milliseconds and share their
 * system timer. Setting one is a map operation; with none set nothing runs.
 */
export class TimerWheel {
  readonly #buckets = new Map<number, Set<Timed>>();
  readonly #bucketOf = new Map<Timed, number>();
  #timer: NodeJS.Timeout | undefined;
  #armed = Number.POSITIVE_INFINITY;

  /** Milliseconds of the clock that `schedule` speaks of. */
  now(): number {
    return performance.now();
  }

  /** Calls `timed.onTime` at `at`; replaces what was set for it before. */
  schedule(timed: Timed, at: number): void {
    const bucket = Math.ceil(at / GRANULARITY_MS);
    const before = this.#bucketOf.get(timed);
    if (before === bucket) return;
    if (before !== undefined) this.#remove(timed, before);
    this.#bucketOf.set(timed, bucket);
    const entries = this.#buckets.get(bucket);
    if (entries) entries.add(timed);
    else this.#buckets.set(bucket, new Set([timed]));
    if (bucket < this.#armed) this.#arm(bucket);
  }

  /** Like `schedule`, but an earlier time that was set before stays. */
  scheduleBy(timed: Timed, at: number): void {
    const before = this.#bucketOf.get(timed);
    if (before === undefined || before > Math.ceil(at / GRANULARITY_MS)) this.schedule(timed, at);
  }

  cancel(timed: Timed): void {
    const bucket = this.#bucketOf.get(timed);
    if (bucket === undefined) return;
    this.#bucketOf.delete(timed);
    this.#remove(timed, bucket);
    if (this.#bucketOf.size === 0) this.stop();
  }

  /** How many deadlines are set. */
  get size(): number {
    return this.#bucketOf.size;
  }

  /** Forgets everything. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armed = Number.POSITIVE_INFINITY;
    this.#buckets.clear();
    this.#bucketOf.clear();
  }

  #remove(timed: Timed, bucket: number): void {
    const entries = this.#buckets.get(bucket);
    if (entries?.delete(timed) && entries.size === 0) this.#buckets.delete(bucket);
  }

  #arm(bucket: number): void {
    clearTimeout(this.#timer);
    this.#armed = bucket;
    const delay = Math.max(0, bucket * GRANULARITY_MS - this.now());
    this.#timer = setTimeout(() => this.#run(), delay);
  }

  #run(): void {
    this.#armed = Number.POSITIVE_INFINITY;
    const now = this.now();
    // Node's timers may fire up to a millisecond early.
    const due = Math.floor((now + 1) / GRANULARITY_MS);
    const late = [...this.#buckets.keys()].filter((bucket) => bucket <= due);
    // After a stall several are due at once, and the map has them in the order in which they were set.
    for (const bucket of late.sort((a, b) => a - b)) {
      const entries = this.#buckets.get(bucket) ?? [];
      this.#buckets.delete(bucket);
      for (const timed of entries) {
        if (this.#bucketOf.get(timed) !== bucket) continue;
        this.#bucketOf.delete(timed);
        timed.onTime(now);
      }
    }
    let next = Number.POSITIVE_INFINITY;
    for (const bucket of this.#buckets.keys()) next = Math.min(next, bucket);
    if (next < this.#armed) this.#arm(next);
  }
}
