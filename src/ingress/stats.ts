import type { ErrorCode } from '../errors/index.js';
import type { ExchangeSummary } from './exchange-summary.js';
import { Histogram, type HistogramStats } from './histogram.js';
import { MediaCounters, type MediaStats } from './media-stats.js';
import type { MediaFacts, StreamFacts } from './stream-facts.js';

/** What one transport's exchanges did since the start. */
export interface TransportExchangeStats {
  /** Exchanges that are under way. */
  readonly active: number;
  readonly openedTotal: number;
  /** The response went to the client as a whole. */
  readonly completedTotal: number;
  /** Exchanges that failed, by error code. What could not become one is in `TransportStats`. */
  readonly failedTotal: Readonly<Partial<Record<ErrorCode, number>>>;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** From the opening of a stream to the first byte of its worker's answer. */
  readonly firstWorkerByteSeconds: HistogramStats;
  /** From the end of a request to the head of its response; 0 where that came earlier. */
  readonly responseLatencySeconds: HistogramStats;
  /** From the opening of a stream to its end. */
  readonly durationSeconds: HistogramStats;
  /** Of its media; undefined before any has come. */
  readonly media: MediaStats | undefined;
}

/** A plain picture of an ingress. */
export interface IngressStats {
  readonly transports: Readonly<Record<string, TransportExchangeStats>>;
  /** Streams that are under way. */
  readonly active: number;
  /** Bytes of uploads that wait for room in their lanes. */
  readonly waitingBytes: number;
  /** What `waitingBytes` may be at most; undefined without a limit. */
  readonly waitingLimitBytes: number | undefined;
  /** Answered streams whose request observers still read. */
  readonly lingering: number;
  /** Closed streams whose place a living worker still holds. */
  readonly setAside: number;
  /** Requests that another worker got after the first one had died. */
  readonly requeuesTotal: number;
  /** Streams that the first worker did not take in time. */
  readonly offersToAllTotal: number;
  /** Reader places that were taken from workers that did not read on. */
  readonly evictionsTotal: number;
  readonly workersAttachedTotal: number;
  readonly workersDiedTotal: number;
  readonly workersRefusedTotal: number;
  /** Slots that a dying worker or server process left half written; nobody saw them. */
  readonly tornSlotsTotal: number;
  /** This process is the arbiter: only it counts workers and deaths. */
  readonly arbiter: boolean;
  /** Other server processes that died; their clients lost their connections. */
  readonly ingressesDiedTotal: number;
  /** How often this process became the arbiter in another's place. */
  readonly arbiterChangesTotal: number;
}

/** The ingress's own counters, as they are counted. */
export class Counters {
  requeues = 0;
  offersToAll = 0;
  evictions = 0;
  workersAttached = 0;
  workersDied = 0;
  workersRefused = 0;
  tornSlots = 0;
  ingressesDied = 0;
  arbiterChanges = 0;
}

/** One transport's counters, as they are counted. */
export class TransportCounters {
  #opened = 0;
  #completed = 0;
  #receivedBytes = 0;
  #sentBytes = 0;
  readonly #failed: Partial<Record<ErrorCode, number>> = {};
  readonly #firstWorkerByte = new Histogram();
  readonly #responseLatency = new Histogram();
  readonly #duration = new Histogram();
  readonly #media = new MediaCounters();

  opened(): void {
    this.#opened++;
  }

  /** An exchange is over. */
  ended({ outcome, ...summary }: ExchangeSummary, media: MediaFacts | null): void {
    if (media) this.#media.ended(media);
    if (outcome === 'completed') this.#completed++;
    else this.#failed[outcome] = (this.#failed[outcome] ?? 0) + 1;
    this.#receivedBytes += summary.receivedBytes;
    this.#sentBytes += summary.sentBytes;
    const { firstWorkerByteMs, headMs, requestMs, totalMs } = summary;
    this.#duration.observe(totalMs / 1000);
    if (firstWorkerByteMs !== undefined) this.#firstWorkerByte.observe(firstWorkerByteMs / 1000);
    if (headMs === undefined) return;
    this.#responseLatency.observe(Math.max(0, headMs - (requestMs ?? headMs)) / 1000);
  }

  /** `running`: the exchanges under way, whose bytes are added. */
  stats(
    running: Iterable<{
      readonly receivedBytes: number;
      readonly sentBytes: number;
      readonly facts: StreamFacts;
    }>,
  ): TransportExchangeStats {
    let active = 0;
    let receivedBytes = this.#receivedBytes;
    let sentBytes = this.#sentBytes;
    const media: MediaFacts[] = [];
    for (const exchange of running) {
      active++;
      receivedBytes += exchange.receivedBytes;
      sentBytes += exchange.sentBytes;
      const { media: facts } = exchange.facts;
      if (facts) media.push(facts);
    }
    return {
      active,
      openedTotal: this.#opened,
      completedTotal: this.#completed,
      failedTotal: { ...this.#failed },
      receivedBytes,
      sentBytes,
      firstWorkerByteSeconds: this.#firstWorkerByte.stats(),
      responseLatencySeconds: this.#responseLatency.stats(),
      durationSeconds: this.#duration.stats(),
      media: this.#media.stats(media),
    };
  }
}
