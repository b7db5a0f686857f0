import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { errorOf, fromNative, UploadResponseError } from '../../errors/index.js';
import {
  type ErrorAnswer,
  errorAnswer,
  errorWithHead,
  headLine,
  type Ingress,
  type IngressExchange,
  type MediaFacts,
  type NetworkFacts,
  type ResponseSink,
} from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import type { SrtCaller, SrtEngine, SrtEvent } from '../../ring/srt-engine.js';
import type { KeptAnswer, KeptAnswers } from './kept-answers.js';
import { callerOf, headOf } from './request.js';
import { SrtSender } from './srt-sender.js';
import { TransportStreamFacts } from './transport-stream-facts.js';

/** What an upload has of its transport. */
export interface SrtHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly engine: SrtEngine;
  readonly answers: KeptAnswers;
  /** Counts a request that did not become a stream. */
  refused(error: UploadResponseError): void;
  /** How its packets come. */
  network(upload: SrtUpload): NetworkFacts | undefined;
  /** Nothing of it is left but its socket. */
  over(upload: SrtUpload): void;
}

/** How long the caller may take to acknowledge the end of its answer, and how often that is looked at. */
const LINGER_MS = 30_000;
const UNSENT_POLL_MS = 20;
/** What a live caller may need beyond its latency, on a busy machine, to take the end of its answer. */
const LIVE_MARGIN_MS = 500;

/**
 * One caller: its bytes are one request, which native code puts into the lane. Who has declared the length
 * stays for the answer; of others the connection's end is the request's, and nobody is there to be answered.
 */
export class SrtUpload implements ResponseSink {
  readonly socket: number;
  readonly caller: SrtCaller;
  readonly #host: SrtHost;
  readonly #sender: SrtSender;
  readonly #media: TransportStreamFacts;
  #exchange: IngressExchange | undefined;
  /** The answer, where it is to be fetched later. */
  #kept: KeptAnswer | undefined;
  #stopAdmitting: (() => void) | undefined;
  #requestEnded = false;
  #over = false;
  /** Until the first bytes have come. */
  #firstBytes: NodeJS.Timeout | undefined;
  #closing: NodeJS.Timeout | undefined;

  constructor(host: SrtHost, socket: number, caller: SrtCaller) {
    this.#host = host;
    this.socket = socket;
    this.caller = caller;
    this.#media = new TransportStreamFacts(() =>
      this.#over ? undefined : host.engine.media(socket),
    );
    const arm = () => host.engine.arm(socket, false, true);
    this.#sender = new SrtSender(host.engine, socket, arm, () => this.#sent());
  }

  /** Of its body, so far. */
  get receivedBytes(): number {
    return this.#exchange?.receivedBytes ?? 0;
  }

  /** What it says of its media; undefined where that is not known. */
  media(): MediaFacts | undefined {
    return this.#media.media();
  }

  /** Waits for its first bytes. An answer that is sent before them can arrive before the caller has seen
   *  the end of the handshake: libsrt then loses it, and does not always send it again. */
  start(firstBytesTimeoutMs: number): void {
    this.#firstBytes = setTimeout(() => {
      this.#host.refused(new UploadResponseError('HEAD_TIMEOUT'));
      this.#finish();
    }, firstBytesTimeoutMs);
    this.#host.engine.arm(this.socket, true, false);
  }

  take(event: SrtEvent): void {
    switch (event.kind) {
      case 'ready':
        if (this.#firstBytes) this.#admit();
        if (this.#sender.waiting) this.#sender.send();
        break;
      case 'full':
        if (this.#exchange?.lentIsFull()) this.#host.engine.goOn(this.socket);
        break;
      case 'whole':
        this.#endRequest();
        break;
      case 'tooLong':
        this.#requestEnded = true;
        this.#exchange?.fail('BAD_REQUEST', 'it is longer than its declared length');
        break;
      case 'failed':
        this.#failed(errorOf(-event.number));
        break;
      case 'end':
      case 'broken':
        this.#gone(event.kind === 'end');
        break;
    }
  }

  cut(): void {
    this.#stopAdmitting?.();
    this.#sender.drop();
    this.#kept?.fail(new UploadResponseError('SHUTTING_DOWN'));
    this.#exchange?.abort('SHUTTING_DOWN');
    this.#finish();
  }

  head(status: number, headers: readonly Header[]): void {
    this.#kept?.head(status, headers);
    if (this.#answers) this.#sender.push(headLine(status, headers), () => {});
  }

  body(view: Uint8Array, taken: () => void): boolean {
    this.#kept?.push(view);
    if (this.#answers) return this.#sender.push(view, taken);
    taken();
    return true;
  }

  trailers(): void {}

  end(): void {
    this.#kept?.end();
    this.#sender.end();
  }

  fail(error: UploadResponseError, answer: ErrorAnswer): void {
    this.#kept?.fail(error, answer);
    const begun = this.#sender.begun;
    this.#sender.drop();
    // Broken off without a head of its own, an answer is shorter than it says.
    if (this.#answers && !begun) {
      this.#sender.push(errorWithHead(answer), () => {});
      // Nobody watches over it any more: who has no room for so little does not read.
      this.#sender.drop();
    }
    this.#sender.end();
  }

  get #answers(): boolean {
    return this.caller.length !== undefined;
  }

  #admit(): void {
    clearTimeout(this.#firstBytes);
    this.#firstBytes = undefined;
    const { admission, name } = this.#host;
    this.#stopAdmitting = admitThen(
      admission,
      'publish',
      callerOf(name, this.caller),
      (permit) => this.#admitted(permit),
      (error) => {
        this.#host.refused(error);
        this.fail(error, errorAnswer(error));
      },
    );
  }

  #admitted(permit: Permit): void {
    this.#stopAdmitting = undefined;
    const { ingress, name, pool, answers } = this.#host;
    const { answerId } = this.caller;
    // If it throws, the permit is released by who gave it.
    if (answerId) this.#kept = answers.begin(answerId, callerOf(name, this.caller).path);
    this.#exchange = ingress.open({
      transport: name,
      pool,
      head: headOf(this.caller),
      contentLength: this.caller.length,
      permit,
      sink: this,
      facts: { network: () => this.#host.network(this), media: () => this.media() },
      onResume: () => this.#host.engine.goOn(this.socket),
    });
    this.#lend(this.#exchange);
  }

  #lend(exchange: IngressExchange): void {
    try {
      this.#host.engine.lend(this.socket, exchange.lendBody().native, this.caller.length);
    } catch (error) {
      exchange.failWith(fromNative(error));
    }
  }

  #endRequest(): void {
    this.#requestEnded = true;
    this.#exchange?.endBody();
  }

  #failed(error: UploadResponseError): void {
    const exchange = this.#exchange;
    if (error.code === 'BODY_TOO_LARGE') {
      exchange?.fail('BODY_TOO_LARGE', `it passed ${exchange.maxBodyBytes} bytes`);
    } else exchange?.failWith(error);
  }

  /** `whole`: the caller has said that this was all. Messages have no such word: their end is the
   *  connection's. */
  #gone(whole: boolean): void {
    this.#sender.broken();
    // It may leave when its request is complete.
    if (this.#requestEnded) return;
    if (whole && this.caller.length === undefined) this.#endRequest();
    else {
      this.#exchange?.abort('CLIENT_GONE');
      this.#kept?.fail(new UploadResponseError('CLIENT_GONE'));
    }
    if (this.#exchange?.over) this.#finish();
  }

  /** The sender has nothing left of the answer, or may be given more. */
  #sent(): void {
    if (this.#sender.ended) this.#finishWhenSent(performance.now() + LINGER_MS);
    else this.#exchange?.sinkReady();
  }

  /** Waits for the last of the answer, and until a live caller has had time to take it. */
  #finishWhenSent(deadline: number): void {
    if (this.#over) return;
    clearTimeout(this.#closing);
    const { engine } = this.#host;
    const unsent = this.#sender.begun ? engine.unsent(this.socket) : -1;
    if (unsent > 0 && performance.now() < deadline) {
      this.#closing = setTimeout(() => this.#finishWhenSent(deadline), UNSENT_POLL_MS);
    } else if (unsent === 0 && !this.caller.file) {
      const latencyMs = engine.peerLatencyMs(this.socket);
      this.#closing = setTimeout(() => this.#finish(), latencyMs + LIVE_MARGIN_MS);
    } else {
      this.#finish();
    }
  }

  #finish(): void {
    clearTimeout(this.#firstBytes);
    clearTimeout(this.#closing);
    if (this.#over) return;
    this.#media.sample();
    this.#over = true;
    // Its counts are gone with it.
    this.#host.over(this);
    this.#host.engine.closeSocket(this.socket);
  }
}
