import { Lane } from '../ring/index.js';
import type { ExchangeHost } from './exchange-host.js';
import { workerNames, workersOf } from './holder.js';

/** Names that a long stream keeps. */
const MOST_NAMES = 8;

/** The readers that were taken out of the request lane of one stream. */
export class Evictions {
  readonly #host: ExchangeHost;
  readonly #id: number;
  #count = 0;
  #workers: string[] = [];

  constructor(host: ExchangeHost, id: number) {
    this.#host = host;
    this.#id = id;
  }

  /** Readers, since the stream was opened. */
  get count(): number {
    return this.#count;
  }

  /** Names of the workers that were evicted last, for people. */
  get workers(): string[] {
    return this.#workers;
  }

  /** Takes the readers of these workers out of the lane; says how many. */
  take(workers: bigint): number {
    const { segment, stats, log } = this.#host;
    const names = workerNames(segment, workers);
    let evicted = 0;
    for (const worker of workersOf(workers)) {
      evicted += segment.native.evict(this.#id, Lane.request, worker);
    }
    stats.evictions += evicted;
    this.#count += evicted;
    if (evicted > 0) this.#workers = [...this.#workers, ...names].slice(-MOST_NAMES);
    log.warn({ stream: this.#id, workers: names, evicted }, 'readers kept the request lane full');
    return evicted;
  }
}
