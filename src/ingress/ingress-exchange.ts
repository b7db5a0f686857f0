import { type Permit, publicPath, withhold } from '../admission/index.js';
import { ERRORS, type ErrorCode, fromNative, UploadResponseError } from '../errors/index.js';
import type { Header } from '../protocols/hpks/index.js';
import { Lane, type LentWriter } from '../ring/index.js';
import { AnswerCourse } from './answer-course.js';
import { AnswerReader } from './answer-reader.js';
import { errorAnswer, type Veto } from './error-answer.js';
import type { ExchangeHost } from './exchange-host.js';
import type { ExchangeOptions } from './exchange-options.js';
import type { ExchangeSummary, Outcome } from './exchange-summary.js';
import { ExchangeWatch } from './exchange-watch.js';
import { claimantName, isRead } from './holder.js';
import { bodyLimit } from './limits.js';
import { RequestFeed } from './request-feed.js';
import type { ResponseSink } from './response-sink.js';
import type { FactSource, StreamFacts } from './stream-facts.js';
import { VerdictGate } from './verdict-gate.js';
import { BothBacklogs } from './waiting-budget.js';

/**
 * One request and its response on their way through the segment: what every transport's stream does,
 * whatever its wire format. The adapter gives bytes in; the exchange drives the adapter's sink.
 */
export class IngressExchange {
  readonly id: number;
  readonly #host: ExchangeHost;
  readonly #sink: ResponseSink;
  readonly #onResume: () => void;
  readonly #transport: string;
  readonly #method: string;
  readonly #path: string;
  readonly #openedAt = performance.now();
  readonly #feed: RequestFeed;
  readonly #answer: AnswerReader;
  readonly #watch: ExchangeWatch;
  readonly #course: AnswerCourse;
  readonly #waiter = (): boolean => {
    this.pump();
    return this.#over;
  };
  readonly #maxBodyBytes: number;
  readonly #permit: Permit | undefined;
  readonly #live: boolean;
  readonly #facts: FactSource;
  #writtenBytes = 0;
  #dirty = false;
  #over = false;

  /** @internal Made by `Ingress.open`. @throws UploadResponseError; nothing is left joined then. */
  constructor(host: ExchangeHost, id: number, options: ExchangeOptions) {
    this.id = id;
    this.#host = host;
    this.#sink = options.sink;
    this.#onResume = options.onResume;
    this.#transport = options.transport;
    this.#method = options.head.method;
    this.#path = publicPath(options.transport, options.head.path);
    this.#permit = options.permit;
    this.#live = options.live ?? false;
    this.#facts = options.facts ?? {};
    this.#maxBodyBytes = bodyLimit(host.limits, options.permit);
    const { segment } = host;
    const gate = new VerdictGate(segment, id);
    const toHead = options.head.method === 'HEAD';
    const mayPass = () => gate.rule().state === 'passed';
    this.#answer = new AnswerReader(segment, id, toHead, options.sink, mayPass, (error) =>
      error ? this.failWith(error) : this.#completeWhenTaken(),
    );
    try {
      const ownsChunks = options.givesChunksAway ?? false;
      this.#feed = new RequestFeed(
        segment,
        id,
        ownsChunks,
        () => isRead(segment, id) && gate.isRead(),
        options.backlog ? new BothBacklogs(options.backlog, host.waiting) : host.waiting,
      );
    } catch (error) {
      this.#answer.close();
      throw error;
    }
    this.#watch = new ExchangeWatch(this, host, this.#feed, this.#answer, gate);
    this.#course = new AnswerCourse(this, host, this.#feed, this.#answer, gate, this.#watch);
    try {
      const withheld = options.permit?.withheld;
      this.#feed.writeHead(withheld ? withhold(options.head, withheld) : options.head);
    } catch (error) {
      this.#over = true;
      this.#release();
      throw error;
    }
    segment.addWaiter(id, this.#waiter);
    segment.native.announce(id);
    // Not now: the adapter does not have the exchange yet, and a worker can be quick.
    setImmediate(this.#waiter);
  }

  /** Nothing is taken or given any more. */
  get over(): boolean {
    return this.#over;
  }

  /** Name of whoever sends it, for logs. */
  get subject(): string | undefined {
    return this.#permit?.subject;
  }

  /** Body bytes that came so far. */
  get receivedBytes(): number {
    return this.#writtenBytes + this.#feed.lentBytes;
  }

  /** Bytes that one slot of the request takes. */
  get slotSize(): number {
    return this.#feed.slotSize;
  }

  /** Most bytes that its body may have. */
  get maxBodyBytes(): number {
    return this.#maxBodyBytes;
  }

  /** Body bytes that went to the sink. */
  get sentBytes(): number {
    return this.#answer.bodyBytes;
  }

  /** What is known of it beside what the segment says. */
  get facts(): StreamFacts {
    const { count: evictions, workers: evicted } = this.#watch.evictions;
    const media = this.#facts.media?.() ?? null;
    const network = this.#facts.network?.() ?? null;
    const { subject = null, receivedBytes } = this;
    return { path: this.#path, subject, receivedBytes, evictions, evicted, media, network };
  }

  /** Takes the next bytes of the body; they are copied, or kept when there is no room. False: pause
   *  until `onResume`. */
  writeBody(chunk: Uint8Array): boolean {
    if (this.#over || this.#answer.ended) return true;
    this.#writtenBytes += chunk.length;
    if (this.receivedBytes > this.#maxBodyBytes) {
      this.fail('BODY_TOO_LARGE', `it passed ${this.#maxBodyBytes} bytes`);
      return true;
    }
    const fits = this.#fit(() => this.#feed.write(chunk));
    if (fits && !this.#over) this.#markDirty();
    return fits;
  }

  /** The bytes that follow begin with a keyframe: late workers can begin there, and get the head again.
   *  False: pause until `onResume`, as `writeBody`. */
  beginKeyframe(): boolean {
    return this.#fit(() => this.#feed.beginKeyframe());
  }

  /** Lends the writing of the body to native code, until the end of the body or of the exchange.
   *  `writeBody` is not called any more. */
  lendBody(): LentWriter {
    return this.#feed.lend(this.#maxBodyBytes - this.#writtenBytes);
  }

  /** Native code has found the lane full. False: it has to wait for `onResume`. */
  lentIsFull(): boolean {
    return this.#fit(() => this.#feed.retry());
  }

  /** Frees the memory behind chunks that `writeBody` has taken, for an adapter whose chunks share it.
   *  `bytes`: all of an ArrayBuffer. */
  free(bytes: Uint8Array): void {
    if (!this.#over) this.#feed.free(bytes);
  }

  /** The client has gone and may come back: its rate does not count until `goOn`. */
  hold(): void {
    this.#watch.hold();
  }

  goOn(): void {
    this.#watch.goOn();
  }

  /** The body is complete. */
  endBody(trailers: readonly Header[] = []): void {
    if (this.#over || this.#answer.ended || this.#feed.ended) return;
    try {
      this.#feed.end(trailers);
      if (this.#feed.ended) this.#watch.requestEnded();
      else this.#watch.blocked();
    } catch (error) {
      this.#failThrown(error);
    }
  }

  /** The sink takes bytes again after `body` said false. */
  sinkReady(): void {
    if (this.#over || !this.#answer.sinkFull) return;
    this.#answer.sinkReady();
    this.pump();
  }

  /** The transport gives the request up: the worker is told why, the sink is not called any more. */
  abort(code: ErrorCode): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.segment.native.abort(this.id, ERRORS[code].number);
    this.#leave(code);
  }

  /** Gives the request up and lets the client know. */
  fail(code: ErrorCode, detail?: string): void {
    this.failWith(new UploadResponseError(code, detail));
  }

  /** The same for an error that is there already; `veto`: of the observer that caused it. */
  failWith(error: UploadResponseError, veto?: Veto): void {
    if (this.#over) return;
    this.#over = true;
    const answer = errorAnswer(error, veto);
    const status = this.#answer.status ?? answer.status;
    // The sink first: its views are protected until the stream is closed.
    this.#sink.fail(error, answer);
    this.#host.segment.native.abort(this.id, error.number);
    this.#leave(error.code, status, error.message);
  }

  /** Publishes what this tick's chunks left in the open slot. */
  flush(): void {
    this.#dirty = false;
    if (this.#over) return;
    try {
      this.#feed.flush();
    } catch (error) {
      this.#failThrown(error);
    }
  }

  /** Does what can be done now: after a ring, and when a time has come. */
  pump(): void {
    if (this.#over) return;
    try {
      if (this.#feed.full) this.#retryFeed();
      this.#pumpAnswer();
    } catch (error) {
      this.#failThrown(error);
    }
  }

  #fit(attempt: () => boolean): boolean {
    if (this.#over || this.#answer.ended) return true;
    try {
      if (attempt() || this.#makeRoom()) return true;
      this.#watch.blocked();
      return false;
    } catch (error) {
      this.#failThrown(error);
      return true;
    }
  }

  #makeRoom(): boolean {
    if (!this.#live || !this.#watch.evictLaggards() || !this.#feed.retry()) return false;
    this.#watch.unblocked();
    return true;
  }

  #retryFeed(): void {
    const before = this.#feed.last;
    if (this.#feed.retry()) {
      this.#watch.unblocked();
      if (this.#feed.ended) {
        this.#watch.requestEnded();
      } else {
        this.#markDirty();
        this.#onResume();
      }
    } else if (this.#feed.last !== before) {
      this.#watch.moved();
    }
  }

  #pumpAnswer(): void {
    const result = this.#course.run();
    if (this.#over) return;
    if (this.#answer.headSent) this.#watch.answering();
    if (result === 'more') setImmediate(this.#waiter);
    else if (result === 'ended') this.#completeWhenTaken();
  }

  #completeWhenTaken(): void {
    if (this.#over || !this.#answer.ended || this.#answer.lent > 0) return;
    this.#over = true;
    this.#leave('completed');
  }

  #failThrown(thrown: unknown): void {
    const error = fromNative(thrown);
    if (error !== thrown) this.#host.log.error({ err: thrown }, 'exchange failed unexpectedly');
    this.failWith(error);
  }

  #markDirty(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#host.flushLater(this);
  }

  #leave(outcome: Outcome, status = this.#answer.status, error?: string): void {
    const summary = this.#summary(outcome, status, error);
    const complete = outcome === 'completed' && this.#feed.ended;
    this.#release();
    const { segment } = this.#host;
    const late = complete && segment.native.readerCount(this.id, Lane.request) > 0;
    this.#host.left(this, summary, late);
    this.#permit?.release();
  }

  #summary(
    outcome: Outcome,
    status: number | undefined,
    error: string | undefined,
  ): ExchangeSummary {
    const since = (at: number | undefined) => (at === undefined ? undefined : at - this.#openedAt);
    return {
      stream: this.id,
      transport: this.#transport,
      subject: this.subject,
      method: this.#method,
      path: this.#path,
      outcome,
      error,
      status,
      receivedBytes: this.receivedBytes,
      sentBytes: this.sentBytes,
      requestMs: since(this.#watch.requestEndedAt),
      firstWorkerByteMs: since(this.#answer.firstSlotAt),
      headMs: since(this.#answer.headSentAt),
      totalMs: performance.now() - this.#openedAt,
      attempts: this.#course.attempts,
      worker: claimantName(this.#host.segment, this.id),
    };
  }

  #release(): void {
    this.#watch.stop();
    this.#host.segment.removeWaiter(this.id, this.#waiter);
    this.#feed.close();
    this.#answer.close();
  }
}
