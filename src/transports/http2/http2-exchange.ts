import type { OutgoingHttpHeaders } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { callerOf, fieldsOf } from '../../http/index.js';
import {
  type ErrorAnswer,
  errorAnswer,
  type Ingress,
  type IngressExchange,
  type ResponseSink,
} from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import { outgoingHeaders, sendAnswer } from './answers.js';
import type { BodyQueue } from './body-queue.js';
import type { Connection } from './connection.js';
import { expectsContinue, type ParsedRequest, parseRequest } from './request.js';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** What an exchange has of its transport. */
export interface Http2Host {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  /** How much of a request is read away after its answer. */
  readonly lingerBytes: number;
  /** The transport takes nothing new. */
  readonly draining: boolean;
  /** Adds `Alt-Svc` to a response's fields, where there is one. */
  withAltSvc(fields: readonly Header[], scheme: 'http' | 'https'): readonly Header[];
  /** Counts a request that did not become a stream. */
  refused(error: UploadResponseError): void;
}

/** Bytes of a response that may wait in its stream, so that the worker's next slot is ready when the
 *  client has taken the last one. */
export const MAX_WAITING_BYTES = 256 * 1024;

/** Takes one HTTP/2 request to the ingress and its response back. */
export class Http2Exchange implements ResponseSink {
  readonly #host: Http2Host;
  readonly #connection: Connection;
  readonly #request: Http2ServerRequest;
  readonly #response: Http2ServerResponse;
  readonly #queue: BodyQueue;
  #exchange: IngressExchange | undefined;
  /** Called when the client leaves before it is admitted. */
  #stopWaiting: (() => void) | undefined;
  /** The stream is not used any more: it is closed, or will be when what was sent has left. */
  #over = false;
  #headed = false;
  /** Fields of a response without a body, until its end. */
  #bodyless: OutgoingHttpHeaders | undefined;
  #full = false;

  constructor(
    host: Http2Host,
    connection: Connection,
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    queue: BodyQueue,
  ) {
    this.#host = host;
    this.#connection = connection;
    this.#request = request;
    this.#response = response;
    this.#queue = queue;
    queue.onOverflow = () => this.#overflow();
    const { stream } = request;
    stream.once('aborted', () => this.#gone());
    stream.once('close', () => this.#gone());
  }

  /** `refusal`: the request is answered with this error, and never becomes a stream. */
  start(refusal?: UploadResponseError): void {
    try {
      if (refusal) throw refusal;
      this.#checkWanted();
      const parsed = parseRequest(this.#request, this.#connection.scheme);
      const { headers, rawHeaders, method, url } = this.#request;
      const { socket } = this.#connection;
      this.#stopWaiting = admitThen(
        this.#host.admission,
        'publish',
        callerOf(this.#host.name, { socket, headers, rawHeaders, method, url }),
        (permit) => this.#admitted(parsed, permit),
        (error) => this.#refuse(error),
      );
    } catch (thrown) {
      this.#refuse(fromNative(thrown));
    }
  }

  head(status: number, headers: readonly Header[], bodyless: boolean): void {
    this.#headed = true;
    if (this.#isClosed()) return;
    const list = this.#host.withAltSvc(headers, this.#connection.scheme);
    const fields = { ':status': status, ...outgoingHeaders(list) };
    // Sent now, it would close the stream of a request that the worker has not done with.
    if (bodyless) this.#bodyless = fields;
    // Whether trailers follow is not known before the end.
    else this.#request.stream.respond(fields, { waitForTrailers: true });
  }

  body(view: Uint8Array, taken: () => void): boolean {
    const { stream } = this.#request;
    // The stream and the socket below it may still hold bytes of a stream that has been reset, and its
    // slots then belong to another one: they get a copy.
    const copy = Buffer.allocUnsafeSlow(view.length);
    copy.set(view);
    const room = stream.write(copy, (error) => {
      if (!error) taken();
      if (!this.#full || stream.writableLength > MAX_WAITING_BYTES / 2) return;
      this.#full = false;
      this.#exchange?.sinkReady();
    });
    this.#full = !room && stream.writableLength >= MAX_WAITING_BYTES;
    return !this.#full;
  }

  trailers(fields: readonly Header[]): void {
    if (!this.#isClosed()) this.#response.addTrailers(outgoingHeaders(fields));
  }

  end(): void {
    const { stream } = this.#request;
    this.#over = true;
    if (this.#isClosed()) return;
    if (this.#bodyless) stream.respond(this.#bodyless, { endStream: true });
    stream.end();
    this.#readAway();
  }

  fail(error: UploadResponseError, answer: ErrorAnswer): void {
    this.#over = true;
    if (this.#isClosed()) return;
    const { stream } = this.#request;
    if (this.#headed) {
      const code = error.httpStatus < 500 ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR;
      this.#connection.reset(stream, code);
      return;
    }
    const headers = this.#host.withAltSvc(answer.headers, this.#connection.scheme);
    sendAnswer(stream, { ...answer, headers }, this.#request.method === 'HEAD');
    this.#readAway();
  }

  #isClosed(): boolean {
    const { stream } = this.#request;
    return stream.closed || stream.destroyed;
  }

  #checkWanted(): void {
    if (this.#host.draining) throw new UploadResponseError('SHUTTING_DOWN');
  }

  #refuse(error: UploadResponseError): void {
    this.#host.refused(error);
    this.fail(error, errorAnswer(error));
  }

  #admitted({ head, contentLength, hasBody }: ParsedRequest, permit: Permit): void {
    const { stream } = this.#request;
    this.#stopWaiting = undefined;
    this.#checkWanted();
    const exchange = this.#host.ingress.open({
      transport: this.#host.name,
      pool: this.#host.pool,
      head,
      contentLength,
      permit,
      sink: this,
      onResume: () => stream.resume(),
    });
    this.#exchange = exchange;
    this.#connection.watched(stream, exchange);
    stream.on('end', () => this.#ended(exchange));
    if (!hasBody) {
      exchange.endBody();
      stream.resume();
      return;
    }
    const free = (bytes: Uint8Array) => exchange.free(bytes);
    stream.on('data', (chunk: Buffer) => {
      if (exchange.writeBody(chunk)) this.#queue.used(free);
      else if (!this.#over) stream.pause();
      this.#queue.settle();
    });
    if (expectsContinue(this.#request)) stream.additionalHeaders({ ':status': 100 });
  }

  #ended(exchange: IngressExchange): void {
    // A reset ends a stream's bytes too, and what came of them is not the body.
    if (this.#isClosed()) this.#gone();
    else exchange.endBody(fieldsOf(this.#request.rawTrailers));
  }

  /** The answer is complete. What comes of the request is read away for a while: a client that is told
   *  at once that it is not wanted (RFC 9113 section 8.1) may lose the answer, as curl of Debian 12. */
  #readAway(): void {
    const { stream } = this.#request;
    this.#queue.drop(this.#host.lingerBytes, () => {
      if (stream.state.localClose === 1) this.#connection.reset(stream, NGHTTP2_NO_ERROR);
    });
  }

  /** Too much waits already, of this request and of others. */
  #overflow(): void {
    if (this.#exchange) {
      this.#exchange.fail('MEMORY_LIMIT');
    } else if (!this.#over) {
      this.#stopWaiting?.();
      this.#refuse(new UploadResponseError('MEMORY_LIMIT'));
    }
  }

  #gone(): void {
    this.#stopWaiting?.();
    this.#exchange?.abort(this.#connection.reasonFor(this.#request.stream));
  }
}
