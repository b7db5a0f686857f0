import { ERRORS, errorOf, fromNative, UploadResponseError } from '../errors/index.js';
import type { Segment } from '../ring/index.js';
import { ClosingStreams } from './closing-streams.js';
import { ControlEvents } from './control-events.js';
import type { ExchangeHost } from './exchange-host.js';
import type { ExchangeOptions } from './exchange-options.js';
import { type ExchangeSummary, logFields } from './exchange-summary.js';
import { IngressExchange } from './ingress-exchange.js';
import { bodyLimit, DEFAULT_LIMITS, type Limits } from './limits.js';
import { type Logger, silentLogger } from './logger.js';
import { Counters, type IngressStats, TransportCounters } from './stats.js';
import type { StreamFacts } from './stream-facts.js';
import { TimerWheel } from './timer-wheel.js';
import { WaitingBudget } from './waiting-budget.js';

const NO_FREE_STREAM = -ERRORS.NO_FREE_STREAM.number;

/** What can be changed while an ingress runs. */
export interface IngressSettings {
  readonly limits: Limits;
  readonly killStuckAfterMs: number;
  readonly logStreams: boolean;
}

/** How an ingress is set up. */
export interface IngressOptions {
  /** The server's own attachment. */
  readonly segment: Segment;
  /** What is not given has its default. */
  readonly limits?: Partial<Limits> | undefined;
  /** A worker that still holds a closed stream after this time is killed. 0: never. */
  readonly killStuckAfterMs?: number | undefined;
  readonly log?: Logger | undefined;
  /** A line in the log for each stream at its end. Default true. */
  readonly logStreams?: boolean | undefined;
  /** Registered names of transports, whose counters are then there from the start. */
  readonly transports?: readonly string[] | undefined;
}

/** All streams of a server: opens them for the transports, and knows what the workers do. */
export class Ingress {
  readonly segment: Segment;
  /** What waits for room, of all transports: one that keeps bytes of its own counts them here. */
  readonly waiting: WaitingBudget;
  #host: ExchangeHost;
  readonly #log: Logger;
  readonly #wheel = new TimerWheel();
  readonly #counters = new Counters();
  readonly #transports = new Map<string, TransportCounters>();
  readonly #active = new Map<IngressExchange, string>();
  readonly #closing: ClosingStreams;
  readonly #stopListening: () => void;
  #logStreams: boolean;
  #dirty: IngressExchange[] = [];
  #refusing = false;
  #onIdle: (() => void)[] = [];

  constructor(options: IngressOptions) {
    this.segment = options.segment;
    const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#log = options.log ?? silentLogger;
    this.#logStreams = options.logStreams ?? true;
    this.waiting = new WaitingBudget(limits.maxWaitingBytes);
    this.#closing = new ClosingStreams(this.segment, this.#wheel, this.#log, {
      lingerMs: limits.observerLingerMs,
      killStuckAfterMs: options.killStuckAfterMs ?? 0,
    });
    for (const name of options.transports ?? []) this.#countersOf(name);
    const events = new ControlEvents(this.#counters, this.#log, this.#closing);
    this.#stopListening = this.segment.onWake(() => {
      for (const event of this.segment.native.takeEvents()) events.take(event);
    });
    this.#host = {
      segment: this.segment,
      limits,
      wheel: this.#wheel,
      waiting: this.waiting,
      log: this.#log,
      stats: this.#counters,
      flushLater: (exchange) => this.#flushLater(exchange),
      left: (exchange, summary, late) => this.#left(exchange, summary, late),
    };
  }

  /** What counts for the next stream. */
  get limits(): Limits {
    return this.#host.limits;
  }

  /** Changes what can be changed. Streams that are under way keep their limits; only what may wait is
   *  one budget for all. */
  configure({ limits, killStuckAfterMs, logStreams }: IngressSettings): void {
    this.#host = { ...this.#host, limits };
    this.waiting.setLimit(limits.maxWaitingBytes);
    this.#closing.setOptions({ lingerMs: limits.observerLingerMs, killStuckAfterMs });
    this.#logStreams = logStreams;
  }

  /** Streams that are under way. */
  get active(): number {
    return this.#active.size;
  }

  /** Index of the pool of this name. @throws UploadResponseError UNKNOWN_POOL */
  poolIndex(name: string): number {
    const pool = this.segment.description.pools.find((one) => one.name === name);
    if (!pool) throw new UploadResponseError('UNKNOWN_POOL', name);
    return pool.index;
  }

  /**
   * Opens a stream for a request and offers it to the workers. What fails later is told to the sink.
   * @throws UploadResponseError NO_FREE_STREAM, OUT_OF_MEMORY, BODY_TOO_LARGE, HEAD_TOO_LARGE,
   *   SHUTTING_DOWN, or an HPKS error: the head is not valid
   */
  open(options: ExchangeOptions): IngressExchange {
    try {
      const exchange = this.#open(options);
      this.#countersOf(options.transport).opened();
      this.#active.set(exchange, options.transport);
      return exchange;
    } catch (thrown) {
      options.permit?.release();
      throw fromNative(thrown);
    }
  }

  /** From now on `open` throws SHUTTING_DOWN. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Resolves when no stream is under way. */
  idle(): Promise<void> {
    if (this.#active.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Fails what is under way and stops. The segment stays open. Idempotent. */
  close(): void {
    this.refuse();
    for (const exchange of [...this.#active.keys()]) exchange.fail('SHUTTING_DOWN');
    this.#stopListening();
    this.#closing.stop();
    this.#wheel.stop();
  }

  /** A plain object, no I/O. */
  stats(): IngressStats {
    const transports: Record<string, ReturnType<TransportCounters['stats']>> = {};
    for (const [name, counters] of this.#transports) {
      const running = [...this.#active].filter(([, transport]) => transport === name);
      transports[name] = counters.stats(running.map(([exchange]) => exchange));
    }
    const { requeues, offersToAll, evictions, tornSlots } = this.#counters;
    const { workersAttached, workersDied, workersRefused } = this.#counters;
    const { ingressesDied, arbiterChanges } = this.#counters;
    return {
      transports,
      active: this.#active.size,
      waitingBytes: this.waiting.usedBytes,
      waitingLimitBytes: this.limits.maxWaitingBytes || undefined,
      lingering: this.#closing.lingering,
      setAside: this.#closing.setAside,
      requeuesTotal: requeues,
      offersToAllTotal: offersToAll,
      evictionsTotal: evictions,
      workersAttachedTotal: workersAttached,
      workersDiedTotal: workersDied,
      workersRefusedTotal: workersRefused,
      tornSlotsTotal: tornSlots,
      arbiter: this.segment.isArbiter,
      ingressesDiedTotal: ingressesDied,
      arbiterChangesTotal: arbiterChanges,
    };
  }

  /** What is known of the streams under way beside what the segment says, by id. */
  facts(): Map<number, StreamFacts> {
    return new Map([...this.#active.keys()].map((exchange) => [exchange.id, exchange.facts]));
  }

  #open(options: ExchangeOptions): IngressExchange {
    if (this.#refusing) throw new UploadResponseError('SHUTTING_DOWN');
    const maxBodyBytes = bodyLimit(this.limits, options.permit);
    if ((options.contentLength ?? 0) > maxBodyBytes) {
      const detail = `it has ${options.contentLength} bytes, ${maxBodyBytes} are allowed`;
      throw new UploadResponseError('BODY_TOO_LARGE', detail);
    }
    const id = this.#openStream(options);
    try {
      return new IngressExchange(this.#host, id, options);
    } catch (error) {
      this.#closing.close(id);
      throw error;
    }
  }

  #openStream({ pool, transport }: ExchangeOptions): number {
    const { native } = this.segment;
    let id = native.openStream(pool, transport);
    if (id === NO_FREE_STREAM) {
      this.#closing.makeRoom();
      id = native.openStream(pool, transport);
    }
    if (id < 0) throw errorOf(id);
    return id;
  }

  #countersOf(transport: string): TransportCounters {
    let counters = this.#transports.get(transport);
    if (!counters) {
      counters = new TransportCounters();
      this.#transports.set(transport, counters);
    }
    return counters;
  }

  #flushLater(exchange: IngressExchange): void {
    if (this.#dirty.push(exchange) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const exchange of dirty) exchange.flush();
  };

  #left(exchange: IngressExchange, summary: ExchangeSummary, late: boolean): void {
    this.#active.delete(exchange);
    this.#countersOf(summary.transport).ended(summary, exchange.facts.media);
    if (this.#logStreams) this.#log.info(logFields(summary), 'stream ended');
    if (late) this.#closing.closeLate(exchange.id);
    else this.#closing.close(exchange.id);
    if (this.#active.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
