import type { ErrorCode, UploadResponseError } from '../errors/index.js';
import { isKeyframe } from '../protocols/access-unit/index.js';
import type { Header } from '../protocols/hpks/index.js';
import type { IngressExchange } from './ingress-exchange.js';
import type { ResponseSink } from './response-sink.js';

/** What a live body has of its transport. */
export interface LiveBodyHost {
  /** Opens its exchange, when its first unit is there; the sink is the body's.
   *  @throws UploadResponseError */
  open(sink: ResponseSink): IngressExchange;
  /** Its answer is whole: what still comes would be read by nobody. Nothing is called after it. */
  answered(): void;
  /** It has failed. Nothing is called after it. */
  failed(error: UploadResponseError): void;
}

/**
 * The body of a live publication: access units, each published when it is complete. It becomes a stream
 * with the first of them, since what the head says of the tracks has come then. The publisher has no way
 * back for an answer, which is read to its end.
 */
export class LiveBody implements ResponseSink {
  readonly #host: LiveBodyHost;
  #exchange: IngressExchange | undefined;

  constructor(host: LiveBodyHost) {
    this.#host = host;
  }

  /** Number of its stream; undefined before its first unit. */
  get stream(): number | undefined {
    return this.#exchange?.id;
  }

  /** False: pause until the exchange's `onResume`; this unit is taken. @throws UploadResponseError */
  write(unit: Uint8Array): boolean {
    this.#exchange ??= this.#host.open(this);
    const exchange = this.#exchange;
    const begun = !isKeyframe(unit) || exchange.beginKeyframe();
    return exchange.writeBody(unit) && begun;
  }

  /** All of it has come: it is over when `answered` or `failed` is called. False: it is no stream. */
  finish(trailers: readonly Header[]): boolean {
    this.#exchange?.endBody(trailers);
    return this.#exchange !== undefined;
  }

  /** Gives it up: workers see why, and nothing is called any more. */
  abort(code: ErrorCode): void {
    this.#exchange?.abort(code);
  }

  /** Gives it up; `failed` is called if it is a stream. */
  failWith(error: UploadResponseError): void {
    this.#exchange?.failWith(error);
  }

  head(): void {}

  body(_view: Uint8Array, taken: () => void): boolean {
    taken();
    return true;
  }

  trailers(): void {}

  end(): void {
    this.#host.answered();
  }

  fail(error: UploadResponseError): void {
    this.#host.failed(error);
  }
}
