import type { Permit } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import {
  type ErrorAnswer,
  errorAnswer,
  type Ingress,
  type IngressExchange,
  type ResponseSink,
} from '../../ingress/index.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';
import type { Channel } from './channel.js';
import type { Mode } from './handshake.js';
import { endMessage, errorMessage, headMessage } from './messages.js';

/** What an exchange has of its transport. */
export interface ExchangeHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly pool: number;
  /** Counts a request that did not become a stream. */
  refused(error: UploadResponseError): void;
}

/** A request as the ingress wants it. */
export interface WebSocketRequest {
  readonly head: RequestHead;
  readonly contentLength: number | undefined;
}

/** Whose exchange it is. */
export interface ExchangeOwner {
  /** The whole answer is on its way. */
  answered(): void;
  /** There is no answer, or not all of it; in the modes that have messages for it the client has been
   *  told. Not called when the connection was cut for it. */
  failed(error: UploadResponseError, answer: ErrorAnswer): void;
}

/** One request on a WebSocket, and its answer. */
export class WebSocketExchange implements ResponseSink {
  /** Undefined before the upgrade. */
  channel: Channel | undefined;
  readonly #host: ExchangeHost;
  readonly #mode: Mode;
  readonly #owner: ExchangeOwner;
  #exchange: IngressExchange | undefined;
  #contentLength: number | undefined;
  #receivedBytes = 0;
  #requestEnded = false;
  #done = false;
  #cancelled = false;
  /** Messages of the body that the socket has not taken. */
  #lent = 0;
  #trailers: readonly Header[] | undefined;

  constructor(host: ExchangeHost, mode: Mode, owner: ExchangeOwner, channel?: Channel) {
    this.#host = host;
    this.#mode = mode;
    this.#owner = owner;
    this.channel = channel;
  }

  /** Nothing more of the request comes. */
  get requestEnded(): boolean {
    return this.#requestEnded;
  }

  /** Nothing more of the answer comes. */
  get done(): boolean {
    return this.#done;
  }

  /** Makes it a stream. The permit is the ingress's from here on. @throws what `Ingress.open` throws */
  open({ head, contentLength }: WebSocketRequest, permit: Permit): void {
    this.#contentLength = contentLength;
    this.#exchange = this.#host.ingress.open({
      transport: this.#host.name,
      pool: this.#host.pool,
      head,
      contentLength,
      permit,
      sink: this,
      givesChunksAway: true,
      onResume: () => this.channel?.resume(),
    });
  }

  /** Answers with an error in place of a stream; what comes of the body is not looked at. */
  refuse(error: UploadResponseError): void {
    this.#host.refused(error);
    this.fail(error, errorAnswer(error));
  }

  writeBody(chunk: Buffer): void {
    if (this.#done) return;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > (this.#contentLength ?? Number.POSITIVE_INFINITY)) {
      this.#badLength('it is longer');
    } else if (this.#exchange?.writeBody(chunk) === false) {
      this.channel?.pause();
    }
  }

  endBody(trailers: readonly Header[] = []): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (this.#receivedBytes < (this.#contentLength ?? 0)) this.#badLength('it is shorter');
    if (!this.#done) this.#exchange?.endBody(trailers);
    // No more of it has to wait for room.
    this.channel?.resume();
  }

  failWith(error: UploadResponseError): void {
    if (!this.#done) this.#exchange?.failWith(error);
  }

  /** The client does not want it any more, and has the connection for others. */
  cancel(): void {
    this.#requestEnded = true;
    this.#cancelled = true;
    this.#failCancelled();
    this.channel?.resume();
  }

  /** The connection is gone, and no view is in use any more. */
  abort(code: 'CLIENT_GONE' | 'SHUTTING_DOWN'): void {
    this.#requestEnded = true;
    this.#done = true;
    this.#exchange?.abort(code);
  }

  /** The socket takes bytes again. */
  sinkReady(): void {
    this.#exchange?.sinkReady();
  }

  head(status: number, headers: readonly Header[]): void {
    if (this.#mode !== 'body') this.channel?.sendText(headMessage(status, headers));
  }

  body(view: Uint8Array, taken: () => void): boolean {
    // A view that is kept back is given back by failing.
    if (this.#cancelled || !this.channel) return false;
    this.#lent++;
    return this.channel.sendBody(view, () => {
      this.#lent--;
      taken();
      this.#failCancelled();
    });
  }

  trailers(fields: readonly Header[]): void {
    this.#trailers = fields;
  }

  end(): void {
    this.#finish();
    if (this.#mode === 'exchanges') this.channel?.sendText(endMessage(this.#trailers));
    this.#owner.answered();
  }

  fail(error: UploadResponseError, answer: ErrorAnswer): void {
    this.#finish();
    if (this.#lent > 0) {
      this.channel?.reset();
      return;
    }
    if (this.#mode !== 'body') this.channel?.sendText(errorMessage(answer));
    this.#owner.failed(error, answer);
  }

  /** What still comes of the request is read, and not looked at. */
  #finish(): void {
    this.#done = true;
    if (!this.#requestEnded) this.channel?.resume();
  }

  #badLength(what: string): void {
    this.failWith(new UploadResponseError('BAD_REQUEST', `${what} than its declared length`));
  }

  #failCancelled(): void {
    if (!this.#cancelled || this.#lent > 0) return;
    this.failWith(new UploadResponseError('CLIENT_GONE', 'it has given the request up'));
  }
}
