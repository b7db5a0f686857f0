import { throwIfError } from '../errors/index.js';
import type { AnswerReader, PumpResult } from './answer-reader.js';
import type { ExchangeHost } from './exchange-host.js';
import type { ExchangeWatch } from './exchange-watch.js';
import { type Holder, holderOf } from './holder.js';
import type { IngressExchange } from './ingress-exchange.js';
import type { RequestFeed } from './request-feed.js';
import type { VerdictGate } from './verdict-gate.js';

/** `released`: a worker wrote something and gave the claim back. */
type AnswerHolder = Holder | { readonly state: 'released' };

const RELEASED: AnswerHolder = { state: 'released' };

/** What becomes of an answer as the worker that gives it, and the observers that judge it, come and
 *  go: the table in ARCHITECTURE.md. */
export class AnswerCourse {
  readonly #exchange: IngressExchange;
  readonly #host: ExchangeHost;
  readonly #feed: RequestFeed;
  readonly #answer: AnswerReader;
  readonly #gate: VerdictGate;
  readonly #watch: ExchangeWatch;
  #claimed = false;
  #attempts = 1;
  #observerMissed = false;

  constructor(
    exchange: IngressExchange,
    host: ExchangeHost,
    feed: RequestFeed,
    answer: AnswerReader,
    gate: VerdictGate,
    watch: ExchangeWatch,
  ) {
    this.#exchange = exchange;
    this.#host = host;
    this.#feed = feed;
    this.#answer = answer;
    this.#gate = gate;
    this.#watch = watch;
  }

  /** Workers that the request was given to. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Hands on what may go to the client now. Fails the exchange when the answer cannot come. */
  run(): PumpResult {
    for (;;) {
      if (this.#answer.ended || !this.#mayGoOn()) return 'idle';
      const holder = this.#holder();
      if (holder.state === 'living') this.#claimed = true;
      else if (!this.#survives(holder)) return 'idle';
      const result = this.#answer.pump();
      if (result !== 'lost') return result;
    }
  }

  /** The holder is looked at before the lane: what it wrote before it went is then sure to be seen.
   *  Where nobody held the claim and yet something is written, the claim may have come between the two
   *  looks: a second one tells. */
  #holder(): AnswerHolder {
    const { segment } = this.#host;
    const first = holderOf(segment, this.#exchange.id);
    if (first.state !== 'none' || !this.#answer.begun) return first;
    const second = holderOf(segment, this.#exchange.id);
    return second.state === 'none' ? RELEASED : second;
  }

  /** False when a required observer has ended the exchange. */
  #mayGoOn(): boolean {
    const ruling = this.#gate.rule();
    if (ruling.state === 'vetoed') {
      this.#exchange.failWith(ruling.error, ruling.veto);
    } else if (ruling.state !== 'orphaned') {
      this.#observerMissed = false;
    } else if (!this.#observerMissed) {
      this.#observerMissed = true;
      if (this.#feed.keepWhole()) this.#host.segment.native.announceAll(this.#exchange.id);
      else this.#exchange.fail('OBSERVER_DIED', ruling.observer);
    }
    return !this.#exchange.over;
  }

  /** Without a living holder: true if the answer can still come. */
  #survives(holder: AnswerHolder): boolean {
    if (holder.state === 'none') {
      if (this.#claimed) this.#offerAgain();
      return true;
    }
    if (this.#answer.isComplete()) return true;
    if (holder.state === 'dead') {
      if (this.#mayRequeue()) {
        this.#requeue();
        return true;
      }
      this.#exchange.fail('WORKER_DIED');
    } else {
      this.#exchange.fail('WORKER_FAILED', reasonOf(holder));
    }
    return false;
  }

  #mayRequeue(): boolean {
    const { maxAttempts } = this.#host.limits;
    return !this.#answer.headSent && this.#attempts < maxAttempts && this.#feed.keepWhole();
  }

  #requeue(): void {
    const { log, segment, stats } = this.#host;
    const { id } = this.#exchange;
    this.#attempts++;
    stats.requeues++;
    log.info({ stream: id, attempt: this.#attempts }, 'request re-queued');
    this.#answer.leaveForRequeue();
    throwIfError(segment.native.requeue(id));
    this.#answer.rejoin();
    this.#offerAgain();
  }

  #offerAgain(): void {
    this.#claimed = false;
    this.#watch.offered();
    this.#host.segment.native.announceAll(this.#exchange.id);
  }
}

function reasonOf(holder: AnswerHolder): string | undefined {
  if (holder.state !== 'failed') return 'it gave the claim back';
  return holder.code === 'WORKER_FAILED' ? undefined : holder.code;
}
