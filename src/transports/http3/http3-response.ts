import type { UploadResponseError } from '../../errors/index.js';
import type { ErrorAnswer, ResponseSink } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import { H3Code, type QuicStream } from './quic-engine.js';

/** Whom a response tells how it stands. */
export interface ResponseOwner {
  /** The stream takes bytes again. */
  roomAgain(): void;
  /** Everything was given to the stream. */
  answered(): void;
}

const nothing = (): void => {};

/** Takes an exchange's response, or an error in its place, to a stream. */
export class Http3Response implements ResponseSink {
  readonly #stream: QuicStream;
  readonly #owner: ResponseOwner;
  #headed = false;
  #over = false;
  /** What the stream had no room for. */
  #waiting: { readonly bytes: Uint8Array; readonly taken: () => void } | undefined;
  #trailers: readonly Header[] = [];
  #endWaits = false;

  constructor(stream: QuicStream, owner: ResponseOwner) {
    this.#stream = stream;
    this.#owner = owner;
  }

  head(status: number, headers: readonly Header[]): void {
    this.#headed = true;
    const fields: Header[] = [[':status', String(status)], ...headers];
    if (!headers.some(([name]) => name === 'date')) fields.push(['date', new Date().toUTCString()]);
    this.#stream.head(fields);
  }

  body(view: Uint8Array, taken: () => void): boolean {
    if (this.#stream.send(view)) {
      taken();
      return true;
    }
    this.#waiting = { bytes: view, taken };
    return false;
  }

  trailers(fields: readonly Header[]): void {
    this.#trailers = fields;
  }

  end(): void {
    this.#endWaits = true;
    this.#endIfSent();
  }

  fail({ code }: UploadResponseError, { status, headers, body }: ErrorAnswer): void {
    if (this.#over) return;
    this.#waiting = undefined;
    if (this.#headed) {
      this.#over = true;
      const code3 = code === 'BACKLOG_LIMIT' ? H3Code.excessiveLoad : H3Code.internalError;
      this.#stream.reset(code3);
      return;
    }
    this.head(status, headers);
    this.body(Buffer.from(body), nothing);
    this.end();
  }

  /** The stream is no more. */
  gone(): void {
    this.#over = true;
    this.#waiting = undefined;
  }

  /** The stream may have room. */
  writable(): void {
    if (this.#over) return;
    const waiting = this.#waiting;
    if (waiting) {
      if (!this.#stream.send(waiting.bytes)) return;
      this.#waiting = undefined;
      waiting.taken();
    }
    this.#endIfSent();
    if (!this.#over) this.#owner.roomAgain();
  }

  #endIfSent(): void {
    if (this.#over || !this.#endWaits || this.#waiting) return;
    this.#over = true;
    this.#stream.end(this.#trailers);
    this.#owner.answered();
  }
}
