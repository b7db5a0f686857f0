import type { ErrorCode } from '../errors/index.js';

/** What one transport's exchanges did since the start. */
export interface TransportExchangeStats {
  /** Exchanges that are under way. */
  readonly active: number;
  readonly openedTotal: number;
  /** The response went to the client as a whole. */
  readonly completedTotal: number;
  /** Exchanges that failed, and requests that could not become one, by error code. */
  readonly failedTotal: Readonly<Partial<Record<ErrorCode, number>>>;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** A plain picture of an ingress. */
export interface IngressStats {
  readonly transports: Readonly<Record<string, TransportExchangeStats>>;
  /** Streams that are under way. */
  readonly active: number;
  /** Bytes of uploads that wait for room in their lanes. */
  readonly waitingBytes: number;
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

  opened(): void {
    this.#opened++;
  }

  completed(): void {
    this.#completed++;
  }

  failed(code: ErrorCode): void {
    this.#failed[code] = (this.#failed[code] ?? 0) + 1;
  }

  /** Bytes of an exchange that is over. */
  moved(receivedBytes: number, sentBytes: number): void {
    this.#receivedBytes += receivedBytes;
    this.#sentBytes += sentBytes;
  }

  /** `running`: the exchanges under way, whose bytes are added. */
  stats(
    running: Iterable<{ readonly receivedBytes: number; readonly sentBytes: number }>,
  ): TransportExchangeStats {
    let active = 0;
    let receivedBytes = this.#receivedBytes;
    let sentBytes = this.#sentBytes;
    for (const exchange of running) {
      active++;
      receivedBytes += exchange.receivedBytes;
      sentBytes += exchange.sentBytes;
    }
    return {
      active,
      openedTotal: this.#opened,
      completedTotal: this.#completed,
      failedTotal: { ...this.#failed },
      receivedBytes,
      sentBytes,
    };
  }
}
