import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { errorAnswer, type Ingress, type IngressExchange } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import type { ListenerBacklog, StreamBacklog } from './backlog.js';
import { Http3Response, type ResponseOwner } from './http3-response.js';
import { H3Code, type QuicStream, type QuicStreamTaker } from './quic-engine.js';
import { callerOf, isBelow, type ParsedRequest, parseRequest, sizeOf } from './request.js';
import { type RestLimits, RestOfRequest } from './rest-of-request.js';

/** What an exchange has of its transport. */
export interface Http3Host {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly backlog: ListenerBacklog;
  readonly pool: number;
  readonly prefix: string;
  readonly maxHeadBytes: number;
  readonly requireLength: boolean;
  readonly linger: RestLimits;
  /** The transport takes nothing new. */
  readonly draining: boolean;
  /** Counts a request that did not become a stream. */
  refused(error: UploadResponseError): void;
}

/** A head without length, and without the end of the request, must be followed by something. */
const UNDECIDED_MS = 10_000;

/** Takes one HTTP/3 request to the ingress and its response back. */
export class Http3Exchange implements QuicStreamTaker, ResponseOwner {
  readonly #host: Http3Host;
  readonly #stream: QuicStream;
  readonly #response: Http3Response;
  readonly #backlog: StreamBacklog;
  #request: ParsedRequest | undefined;
  #exchange: IngressExchange | undefined;
  /** Called when the client leaves before it is admitted. */
  #stopWaiting: (() => void) | undefined;
  /** Runs while it is not known whether the request has a body. */
  #undecided: NodeJS.Timeout | undefined;
  /** What came before the request was admitted. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #receivedBytes = 0;
  #trailers: readonly Header[] = [];
  #ended = false;
  #rest: RestOfRequest | undefined;

  constructor(host: Http3Host, stream: QuicStream) {
    this.#host = host;
    this.#stream = stream;
    this.#response = new Http3Response(stream, this);
    this.#backlog = host.backlog.stream();
  }

  start(fields: readonly Header[]): void {
    const { maxHeadBytes, prefix, requireLength, draining } = this.#host;
    try {
      if (draining) throw new UploadResponseError('SHUTTING_DOWN');
      if (sizeOf(fields) > maxHeadBytes) throw new UploadResponseError('HEAD_TOO_LARGE');
      const request = parseRequest(fields);
      this.#request = request;
      if (!isBelow(prefix, request.head.path)) throw new UploadResponseError('UNKNOWN_PATH');
      if (requireLength && request.contentLength === undefined) {
        this.#undecided = setTimeout(() => this.#lengthIsMissing(), UNDECIDED_MS);
      } else {
        this.#admit(request);
      }
    } catch (thrown) {
      this.#refuse(fromNative(thrown));
    }
  }

  data(bytes: Uint8Array): void {
    if (this.#rest) {
      this.#rest.read(bytes.length);
      return;
    }
    if (this.#undecided) {
      this.#lengthIsMissing();
      return;
    }
    this.#receivedBytes += bytes.length;
    const { contentLength = Number.POSITIVE_INFINITY } = this.#request ?? {};
    if (this.#receivedBytes > contentLength) {
      this.#fail(new UploadResponseError('BAD_REQUEST', 'its body is longer than it says'));
    } else if (this.#exchange) {
      this.#exchange.writeBody(bytes);
    } else {
      this.#keepEarly(bytes);
    }
  }

  trailers(fields: readonly Header[]): void {
    this.#trailers = fields.filter(([name]) => !name.startsWith(':'));
  }

  end(): void {
    this.#ended = true;
    this.#rest?.done();
    if (this.#undecided && this.#request) {
      this.#decided();
      this.#admit(this.#request);
    } else if (this.#isCut) {
      // The engine takes some resets for an end.
      this.gone();
      this.#stream.reset(H3Code.messageError);
    } else {
      this.#exchange?.endBody(this.#trailers);
    }
  }

  gone(): void {
    this.#response.gone();
    this.#decided();
    this.#rest?.done();
    this.#forgetEarly();
    this.#stopWaiting?.();
    this.#exchange?.abort('CLIENT_GONE');
  }

  writable(): void {
    this.#response.writable();
  }

  roomAgain(): void {
    this.#exchange?.sinkReady();
  }

  answered(): void {
    this.#forgetEarly();
    if (this.#ended) return;
    this.#rest = new RestOfRequest(this.#host.linger, () => this.#stream.stopReading());
  }

  /** True when the request has ended before its length, and nobody has answered it. */
  get #isCut(): boolean {
    if (this.#rest || !this.#request) return false;
    return this.#receivedBytes < (this.#request.contentLength ?? 0);
  }

  #admit(request: ParsedRequest): void {
    const { name, admission } = this.#host;
    const caller = callerOf(name, this.#stream.connection.peer, request);
    this.#stopWaiting = admitThen(
      admission,
      'publish',
      caller,
      (permit) => this.#admitted(request, permit),
      (error) => this.#refuse(error),
    );
  }

  #admitted({ head, contentLength }: ParsedRequest, permit: Permit): void {
    const { name, pool, ingress, draining } = this.#host;
    this.#stopWaiting = undefined;
    if (draining) throw new UploadResponseError('SHUTTING_DOWN');
    const exchange = ingress.open({
      transport: name,
      pool,
      head,
      contentLength,
      permit,
      sink: this.#response,
      givesChunksAway: true,
      backlog: this.#backlog,
      // There is nobody to be told to go on: the backlog holds clients back.
      onResume: () => {},
    });
    this.#exchange = exchange;
    const early = this.#early;
    this.#forgetEarly();
    for (const bytes of early) exchange.writeBody(bytes);
    if (this.#ended) exchange.endBody(this.#trailers);
  }

  #keepEarly(bytes: Uint8Array): void {
    try {
      this.#backlog.take(bytes.length);
      this.#earlyBytes += bytes.length;
      this.#early.push(bytes);
    } catch (thrown) {
      this.#stopWaiting?.();
      this.#refuse(fromNative(thrown));
    }
  }

  #forgetEarly(): void {
    this.#early = [];
    this.#backlog.give(this.#earlyBytes);
    this.#earlyBytes = 0;
  }

  #decided(): void {
    clearTimeout(this.#undecided);
    this.#undecided = undefined;
  }

  #lengthIsMissing(): void {
    this.#decided();
    this.#refuse(new UploadResponseError('LENGTH_REQUIRED'));
  }

  #fail(error: UploadResponseError): void {
    if (this.#exchange) {
      this.#exchange.failWith(error);
      return;
    }
    this.#stopWaiting?.();
    this.#refuse(error);
  }

  #refuse(error: UploadResponseError): void {
    this.#host.refused(error);
    this.#response.fail(error, errorAnswer(error));
  }
}
