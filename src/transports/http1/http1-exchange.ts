import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { callerOf } from '../../http/index.js';
import {
  type ErrorAnswer,
  errorAnswer,
  type Ingress,
  type IngressExchange,
  type ResponseSink,
} from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import { flat, sendAnswer } from './answers.js';
import type { Connection, Turn } from './connection.js';
import { isUnread, type ParsedRequest, parseRequest, trailersOf } from './request.js';

/** What an exchange has of its transport. */
export interface Http1Host {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  /** The transport takes nothing new: connections close after their response. */
  readonly draining: boolean;
  /** Adds `Alt-Svc` to a response's fields, where there is one. */
  withAltSvc(fields: readonly Header[], scheme: 'http' | 'https'): readonly Header[];
  /** Counts a request that did not become a stream. */
  refused(error: UploadResponseError): void;
}

export interface Http1ExchangeOptions {
  readonly scheme: 'http' | 'https';
  /** The client sends the body after "100 Continue". */
  readonly expectsContinue: boolean;
  /** The request is answered with this error, and never becomes a stream. */
  readonly refusal?: UploadResponseError | undefined;
}

/** Bytes of the response that may wait in the socket, so that the worker's next slot is ready when
 *  the socket has taken the last one. */
const MAX_WAITING_BYTES = 256 * 1024;

/** Takes one HTTP/1.1 request to the ingress and its response back. */
export class Http1Exchange implements ResponseSink, Turn {
  readonly request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: Connection;
  readonly #host: Http1Host;
  readonly #scheme: 'http' | 'https';
  readonly #expectsContinue: boolean;
  #exchange: IngressExchange | undefined;
  /** Called when the client leaves before it is admitted. */
  #stopWaiting: (() => void) | undefined;
  #refusal: UploadResponseError | undefined;
  #headed = false;
  #flushed = false;
  /** What comes of the body is only read away. */
  #discarding = false;

  constructor(
    host: Http1Host,
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    options: Http1ExchangeOptions,
  ) {
    this.#host = host;
    this.#connection = connection;
    this.request = request;
    this.#response = response;
    this.#scheme = options.scheme;
    this.#expectsContinue = options.expectsContinue;
    this.#refusal = options.refusal;
    response.once('close', () => {
      // Even where it is finished for Node.js: what is written to a socket that is being destroyed is
      // dropped, and nobody is told. Nothing happens to an exchange that is over.
      this.gone();
      connection.done(this);
    });
  }

  start(): void {
    try {
      this.#checkWanted();
      const { request } = this;
      const parsed = parseRequest(request, this.#scheme);
      const caller = callerOf(this.#host.name, request);
      this.#stopWaiting = admitThen(
        this.#host.admission,
        'publish',
        caller,
        (permit) => this.#admitted(parsed, permit),
        (error) => this.#refuse(error),
      );
    } catch (thrown) {
      this.#refuse(fromNative(thrown));
    }
  }

  malformed(error: UploadResponseError): void {
    this.#refusal ??= error;
    if (this.#exchange && !this.#exchange.over) this.#exchange.failWith(error);
  }

  gone(): void {
    this.#stopWaiting?.();
    this.#exchange?.abort('CLIENT_GONE');
  }

  head(status: number, headers: readonly Header[], bodyless: boolean): void {
    // Node refuses to announce trailers where nothing can carry them.
    const chunked =
      !bodyless && this.request.httpVersionMinor > 0 && !has(headers, 'content-length');
    const fields = this.#host.withAltSvc(headers, this.#scheme);
    const list = flat(chunked ? fields : fields.filter(([name]) => name !== 'trailer'));
    if (status === 205) list.push('content-length', '0');
    if (this.#host.draining) list.push('connection', 'close');
    this.#response.writeHead(status, list);
    this.#headed = true;
    // A body that follows in this tick takes the head along.
    if (!bodyless) process.nextTick(this.#flushHead);
  }

  body(view: Uint8Array, taken: () => void): boolean {
    this.#flushed = true;
    const room = this.#response.write(view, taken);
    return room || this.#response.writableLength < MAX_WAITING_BYTES;
  }

  trailers(fields: readonly Header[]): void {
    this.#response.addTrailers(fields as unknown as [string, string][]);
  }

  end(): void {
    this.#flushed = true;
    if (isUnread(this.request)) this.#discardRest(!this.#response.shouldKeepAlive);
    this.#response.end();
  }

  fail(_error: UploadResponseError, answer: ErrorAnswer): void {
    if (this.#headed) {
      this.#connection.reset();
      return;
    }
    this.#headed = true;
    this.#flushed = true;
    const unread = isUnread(this.request);
    if (unread) this.#discardRest(true);
    const headers = this.#host.withAltSvc(answer.headers, this.#scheme);
    sendAnswer(this.#response, { ...answer, headers }, unread || this.#host.draining);
  }

  #checkWanted(): void {
    if (this.#refusal) throw this.#refusal;
    if (this.#host.draining) throw new UploadResponseError('SHUTTING_DOWN');
  }

  #refuse(error: UploadResponseError): void {
    this.#host.refused(error);
    this.fail(error, errorAnswer(error));
  }

  #admitted({ head, contentLength, hasBody }: ParsedRequest, permit: Permit): void {
    const { request } = this;
    this.#stopWaiting = undefined;
    this.#checkWanted();
    const exchange = this.#host.ingress.open({
      transport: this.#host.name,
      pool: this.#host.pool,
      head,
      contentLength,
      permit,
      sink: this,
      givesChunksAway: true,
      onResume: () => request.resume(),
    });
    this.#exchange = exchange;
    this.#response.on('drain', () => exchange.sinkReady());
    if (!hasBody) {
      exchange.endBody();
      request.resume();
      return;
    }
    request.on('end', () => exchange.endBody(trailersOf(request)));
    request.on('data', (chunk: Buffer) => {
      if (!exchange.writeBody(chunk) && !this.#discarding) request.pause();
    });
    if (this.#expectsContinue) this.#response.writeContinue();
  }

  readonly #flushHead = (): void => {
    if (!this.#flushed && !this.#response.destroyed) this.#response.flushHeaders();
  };

  #discardRest(close: boolean): void {
    this.#discarding = true;
    this.#connection.discardRest(this.request, this.#response, close);
  }
}

function has(headers: readonly Header[], wanted: string): boolean {
  return headers.some(([name]) => name === wanted);
}
