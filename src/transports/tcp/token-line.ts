import { UploadResponseError } from '../../errors/index.js';

/** What JWT with many claims and long keys take; a line beyond it is none. */
export const MAX_LINE_BYTES = 16_384;

const PREFIX = Buffer.from('TOKEN ');
const NEWLINE = 0x0a;
/** Printable ASCII without spaces: what every kind of token is made of. */
const TOKEN = /^[\x21-\x7e]+$/;

/** Reads the line `TOKEN <token>` with which a connection begins; it ends with LF or CR LF. */
export class TokenLine {
  /** One for all of it: a client may send it byte by byte. */
  #line = Buffer.alloc(0);
  #size = 0;

  /** Bytes that have come of it. */
  get size(): number {
    return this.#size;
  }

  /** The token, and what came after its line; undefined while the line is not whole.
   *  @throws UploadResponseError TOKEN_LINE_INVALID: as soon as it cannot become one */
  push(chunk: Buffer): { readonly token: string; readonly rest: Buffer } | undefined {
    this.#checkPrefix(chunk);
    const at = chunk.indexOf(NEWLINE);
    const length = at < 0 ? chunk.length : at;
    if (this.#size + length > MAX_LINE_BYTES) {
      throw invalid(`its first ${MAX_LINE_BYTES} bytes have no line end`);
    }
    this.#append(chunk.subarray(0, length));
    if (at < 0) return undefined;
    const line = this.#line.toString('latin1', PREFIX.length, this.#size);
    const token = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (!TOKEN.test(token)) throw invalid('what follows TOKEN is no token');
    return { token, rest: chunk.subarray(at + 1) };
  }

  #append(bytes: Buffer): void {
    const needed = this.#size + bytes.length;
    if (needed > this.#line.length) {
      const room = Math.min(MAX_LINE_BYTES, Math.max(needed, 2 * this.#line.length));
      const grown = Buffer.alloc(room);
      this.#line.copy(grown, 0, 0, this.#size);
      this.#line = grown;
    }
    bytes.copy(this.#line, this.#size);
    this.#size = needed;
  }

  #checkPrefix(chunk: Buffer): void {
    const expected = PREFIX.subarray(this.#size, this.#size + chunk.length);
    if (chunk.compare(expected, 0, expected.length, 0, expected.length) !== 0) {
      throw invalid('it begins with something else');
    }
  }
}

/** The connection does not begin as it has to. The detail never quotes it: it may be a secret. */
export function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('TOKEN_LINE_INVALID', detail);
}
