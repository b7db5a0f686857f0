import type { Permit } from '../admission/index.js';
import type { RequestHead } from '../protocols/hpks/index.js';
import type { ResponseSink } from './response-sink.js';
import type { FactSource } from './stream-facts.js';
import type { Backlog } from './waiting-budget.js';

/** What a transport knows of a request when it opens an exchange for it. */
export interface ExchangeOptions {
  /** Registered name of the transport, for workers' filters and for metrics. */
  readonly transport: string;
  /** Index of the pool. */
  readonly pool: number;
  readonly head: RequestHead;
  /** Where the client says how long the body is. */
  readonly contentLength?: number | undefined;
  /** Leave to open it. From here on it belongs to the ingress, which releases it when the exchange is
   *  over, or could not be opened. */
  readonly permit?: Permit | undefined;
  readonly sink: ResponseSink;
  /** Nobody looks at a chunk after it was given to `writeBody`: its memory is freed at once. */
  readonly givesChunksAway?: boolean | undefined;
  /** A live publisher must not wait: readers that keep the lane full while the one that answers keeps up
   *  are evicted at once, and not after `limits.evictAfterMs`. Required observers are not. */
  readonly live?: boolean | undefined;
  /** Asked too for what waits, by a transport that cannot pause one client alone. */
  readonly backlog?: Backlog | undefined;
  /** What the transport tells of the stream while it runs. */
  readonly facts?: FactSource | undefined;
  /** Called when `writeBody` takes bytes again after it said false. */
  readonly onResume: () => void;
}
