import type { UploadResponseError } from '../errors/index.js';
import type { TransportStats } from './transport.js';

/** What a transport counts for its `stats`. */
export class TransportCounters {
  readonly #refused: Record<string, number> = {};
  #connections = 0;
  #requests = 0;

  connected(): void {
    this.#connections++;
  }

  requested(times = 1): void {
    this.#requests += times;
  }

  /** Requests, or connections, that did not become a stream. */
  refused({ code }: Pick<UploadResponseError, 'code'>, times = 1): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + times;
  }

  /** `connections`: those that are open. */
  stats(connections: number): TransportStats {
    return {
      connections,
      connectionsTotal: this.#connections,
      requestsTotal: this.#requests,
      refusedTotal: { ...this.#refused },
    };
  }
}
