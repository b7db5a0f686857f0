import type { UploadResponseError } from '../errors/index.js';
import type { Header } from '../protocols/hpks/index.js';
import type { ErrorAnswer } from './error-answer.js';

/**
 * Where the response of one exchange goes: the transport's adapter. Calls come in this order: `head`,
 * any number of `body`, at most one `trailers`, `end`; or `fail` at any place, after which nothing
 * comes. None of them may throw.
 */
export interface ResponseSink {
  /** The final status and the end-to-end fields, checked. `bodyless`: no body will follow. */
  head(status: number, headers: readonly Header[], bodyless: boolean): void;
  /**
   * Bytes of the body, as a view on shared memory that stays as it is until `taken` was called; call
   * it once for each view, in their order, when the socket has really taken the bytes. False: no more
   * until `exchange.sinkReady()`.
   */
  body(view: Uint8Array, taken: () => void): boolean;
  /** Only fields that are allowed as trailers. */
  trailers(fields: readonly Header[]): void;
  end(): void;
  /**
   * Before `head`: send `answer`. After it: reset, so that the client cannot take what it got for the
   * whole response; every view must be out of use when the call returns.
   */
  fail(error: UploadResponseError, answer: ErrorAnswer): void;
}
