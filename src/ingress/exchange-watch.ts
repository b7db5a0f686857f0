import { Lane } from '../ring/index.js';
import type { AnswerReader } from './answer-reader.js';
import { Evictions } from './evictions.js';
import type { ExchangeHost } from './exchange-host.js';
import { holderOf, isAttended, requiredObservers, workerNames } from './holder.js';
import type { IngressExchange } from './ingress-exchange.js';
import type { RequestFeed } from './request-feed.js';
import type { Timed } from './timer-wheel.js';
import type { VerdictGate } from './verdict-gate.js';
import { RateWatch, StallWatch } from './watches.js';

const NEVER = Number.POSITIVE_INFINITY;
/** Everything about one exchange that depends on time. Each check returns when it is next due. */
export class ExchangeWatch implements Timed {
  readonly evictions: Evictions;
  readonly #exchange: IngressExchange;
  readonly #host: ExchangeHost;
  readonly #feed: RequestFeed;
  readonly #answer: AnswerReader;
  readonly #gate: VerdictGate;
  readonly #rate: RateWatch;
  readonly #idle: StallWatch;
  readonly #client: StallWatch;
  #offeredAt: number;
  #offeredToAll = false;
  #attended = false;
  #observersSeen = false;
  #blockedAt: number | undefined;
  #endedAt: number | undefined;
  #answering = false;
  #held = false;

  constructor(
    exchange: IngressExchange,
    host: ExchangeHost,
    feed: RequestFeed,
    answer: AnswerReader,
    gate: VerdictGate,
  ) {
    const { limits, wheel } = host;
    const now = wheel.now();
    this.evictions = new Evictions(host, exchange.id);
    this.#exchange = exchange;
    this.#host = host;
    this.#feed = feed;
    this.#answer = answer;
    this.#gate = gate;
    this.#rate = new RateWatch(
      limits.minRateBytesPerSecond,
      limits.minRateGraceMs,
      limits.minRateWindowMs,
      now,
    );
    this.#idle = new StallWatch(limits.responseIdleTimeoutMs);
    this.#client = new StallWatch(limits.clientStallTimeoutMs);
    this.#offeredAt = now;
    wheel.schedule(this, now + limits.claimPatienceMs);
  }

  /** When the request was complete. */
  get requestEndedAt(): number | undefined {
    return this.#endedAt;
  }

  /** The client has gone and may come back: nothing is expected of it. */
  hold(): void {
    this.#held = true;
    this.#rate.pause(this.#host.wheel.now());
  }

  goOn(): void {
    this.#held = false;
    if (this.#blockedAt === undefined) this.#countRate();
  }

  /** Every worker was told of the stream (again). */
  offered(): void {
    this.#offeredAt = this.#host.wheel.now();
    this.#offeredToAll = true;
    this.#attended = false;
    this.#by(this.#offeredAt + this.#host.limits.noWorkerTimeoutMs);
  }

  /** The request lane is full: the client's socket is paused. */
  blocked(): void {
    if (this.#blockedAt !== undefined) return;
    const now = this.#host.wheel.now();
    this.#blockedAt = now;
    this.#rate.pause(now);
    this.#by(now + this.#host.limits.evictAfterMs);
  }

  /** Evicts the readers that alone keep the lane full: neither the one that answers nor a required
   *  observer is among them. True when there is room again. */
  evictLaggards(): boolean {
    const { segment } = this.#host;
    const blockers = this.#feed.blockers();
    if (blockers === 0n) return false;
    const holder = holderOf(segment, this.#exchange.id);
    const needed =
      requiredObservers(segment) | (holder.state === 'living' ? 1n << BigInt(holder.worker) : 0n);
    return (blockers & needed) === 0n && this.evictions.take(blockers) > 0;
  }

  /** The lane is still full, but its readers move. */
  moved(): void {
    this.#blockedAt = this.#host.wheel.now();
  }

  unblocked(): void {
    if (this.#blockedAt === undefined) return;
    this.#blockedAt = undefined;
    if (!this.#held) this.#countRate();
  }

  requestEnded(): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = this.#host.wheel.now();
    this.#by(this.#endedAt + this.#host.limits.responseTimeoutMs);
  }

  /** The response is on its way to the client. */
  answering(): void {
    if (this.#answering) return;
    this.#answering = true;
    this.#by(this.#host.wheel.now());
  }

  stop(): void {
    this.#host.wheel.cancel(this);
  }

  onTime(now: number): void {
    let next = NEVER;
    for (const check of [
      this.#checkWorker,
      this.#checkObservers,
      this.#checkRate,
      this.#checkRoom,
      this.#checkAnswer,
      this.#checkClient,
    ]) {
      next = Math.min(next, check.call(this, now));
      if (this.#exchange.over) return;
    }
    if (next !== NEVER) this.#by(next);
  }

  #countRate(): void {
    this.#rate.resume(this.#host.wheel.now());
    if (this.#rate.due !== NEVER) this.#by(this.#rate.due);
  }

  #by(at: number): void {
    this.#host.wheel.scheduleBy(this, at);
  }

  #checkWorker(now: number): number {
    const { limits, segment, stats } = this.#host;
    this.#attended ||= this.#answer.begun || isAttended(segment, this.#exchange.id);
    if (this.#attended) return NEVER;
    if (!this.#offeredToAll && now >= this.#offeredAt + limits.claimPatienceMs) {
      this.#offeredToAll = true;
      stats.offersToAll++;
      segment.native.announceAll(this.#exchange.id);
    }
    const due = this.#offeredAt + limits.noWorkerTimeoutMs;
    if (now >= due) this.#exchange.fail('NO_WORKER');
    return this.#offeredToAll ? due : this.#offeredAt + limits.claimPatienceMs;
  }

  #checkObservers(now: number): number {
    if (this.#observersSeen) return NEVER;
    const due = this.#offeredAt + this.#host.limits.noWorkerTimeoutMs;
    if (now < due) return due;
    const absent = this.#gate.absent();
    if (absent.length > 0) {
      this.#exchange.fail('NO_WORKER', `required observers are missing: ${absent.join(', ')}`);
    }
    this.#observersSeen = true;
    return NEVER;
  }

  #checkRate(now: number): number {
    if (this.#endedAt !== undefined || this.#answer.ended) return NEVER;
    if (this.#rate.tooSlow(now, this.#exchange.receivedBytes))
      this.#exchange.fail('UPLOAD_TOO_SLOW');
    return this.#rate.due;
  }

  #checkRoom(now: number): number {
    if (this.#blockedAt === undefined) return NEVER;
    const due = this.#blockedAt + this.#host.limits.evictAfterMs;
    if (now < due) return due;
    const blockers = this.#feed.blockers();
    // Whoever joins only now may be stuck too, and nothing else would look at it.
    if (blockers === 0n) return now + this.#host.limits.evictAfterMs;
    const stuck = blockers & ~this.#excused();
    if (stuck !== 0n) this.#evict(stuck);
    if (this.#blockedAt === undefined) return NEVER;
    this.#blockedAt = now;
    return now + this.#host.limits.evictAfterMs;
  }

  /** The answering worker while its client takes nothing: it may wait for that before it reads on. */
  #excused(): bigint {
    if (!this.#answer.sinkFull) return 0n;
    const holder = holderOf(this.#host.segment, this.#exchange.id);
    return holder.state === 'living' ? 1n << BigInt(holder.worker) : 0n;
  }

  #evict(blockers: bigint): void {
    const { segment } = this.#host;
    const { id } = this.#exchange;
    const holder = holderOf(segment, id);
    const places =
      holder.state === 'living' ? segment.native.readersOf(id, Lane.request, holder.worker) : 0;
    const evicted = this.evictions.take(blockers);
    if (evicted === 0) {
      const names = workerNames(segment, blockers).join(', ');
      this.#exchange.fail('WORKER_FAILED', `${names} keeps a slot pinned`);
    } else if (
      holder.state === 'living' &&
      segment.native.readersOf(id, Lane.request, holder.worker) < places
    ) {
      this.#exchange.fail('WORKER_FAILED', 'it was evicted: it did not read on');
    } else {
      this.#exchange.pump();
    }
  }

  #checkAnswer(now: number): number {
    if (this.#answer.ended) return NEVER;
    if (this.#answer.headSent) {
      const waiting = !this.#answer.sinkFull;
      if (this.#idle.stalled(now, this.#answer.slotsSeen, waiting)) {
        this.#exchange.fail('RESPONSE_TIMEOUT', 'the response did not go on');
      }
      return this.#idle.due;
    }
    const since = this.#endedAt ?? this.#unreadSince();
    if (since === undefined) return NEVER;
    const due = since + this.#host.limits.responseTimeoutMs;
    if (now < due) return due;
    this.#exchange.fail(
      'RESPONSE_TIMEOUT',
      this.#answer.started ? 'a required observer gave no verdict' : undefined,
    );
    return NEVER;
  }

  /** Since when nobody reads a request whose lane is full. */
  #unreadSince(): number | undefined {
    return this.#attended && this.#feed.full && this.#feed.blockers() === 0n
      ? this.#blockedAt
      : undefined;
  }

  #checkClient(now: number): number {
    if (!this.#answer.headSent) return NEVER;
    if (this.#client.stalled(now, this.#answer.viewsTaken, this.#answer.lent > 0)) {
      this.#exchange.fail('CLIENT_GONE', 'it took nothing of the response');
    }
    return this.#client.due;
  }
}
