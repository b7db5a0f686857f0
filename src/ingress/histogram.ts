/** A histogram at one moment. */
export interface HistogramStats {
  /** Upper bounds of the buckets, ascending; what is larger than all counts in one more bucket. */
  readonly bounds: readonly number[];
  /** Observations in each bucket alone; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** From a worker on the same machine to an upload of half an hour. Seconds. */
export const DURATION_BOUNDS: readonly number[] = Object.freeze([
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300, 1800],
]);

/** Counts observations by size. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[] = DURATION_BOUNDS) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  stats(): HistogramStats {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}
