import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { Histogram, type HistogramStats } from '../ingress/index.js';

const INTERVAL_MS = 50;
const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Measures how much later than asked for the event loop runs a timer. A histogram of its own, not
 *  Node's: that one cannot be added up over scrapes and processes. */
export class EventLoopWatch {
  readonly #delays = new Histogram(BOUNDS);
  readonly #start: EventLoopUtilization = performance.eventLoopUtilization();
  readonly #timer: NodeJS.Timeout;
  #due = performance.now() + INTERVAL_MS;

  constructor() {
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  /** Seconds. */
  get delays(): HistogramStats {
    return this.#delays.stats();
  }

  /** Seconds in which the loop did something. */
  get activeSeconds(): number {
    return performance.eventLoopUtilization(this.#start).active / 1000;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    // Timers have whole milliseconds: they may fire a little early.
    this.#delays.observe(Math.max(0, now - this.#due) / 1000);
    this.#due = now + INTERVAL_MS;
  }
}
