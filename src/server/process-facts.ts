import { EventLoopWatch, type ProcessSnapshot, type ServerStats } from '../metrics/index.js';
import { nativeVersion } from '../ring/machine.js';

/** What one process can tell of itself. */
export class ProcessFacts {
  readonly #process: string;
  readonly #version = nativeVersion().version;
  readonly #startedAt = (Date.now() - performance.now()) / 1000;
  readonly #eventLoop = new EventLoopWatch();

  /** `process`: its name in the segment. */
  constructor(process: string) {
    this.#process = process;
  }

  snapshot(stats: ServerStats): ProcessSnapshot {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      process: this.#process,
      version: this.#version,
      startedAt: this.#startedAt,
      residentBytes: rss,
      heapBytes: heapUsed,
      userCpuSeconds: user / 1e6,
      systemCpuSeconds: system / 1e6,
      eventLoopDelaySeconds: this.#eventLoop.delays,
      eventLoopActiveSeconds: this.#eventLoop.activeSeconds,
      stats,
    };
  }

  stop(): void {
    this.#eventLoop.stop();
  }
}
