import { UploadResponseError } from '../errors/index.js';
import type { Header, HttpVersion, RequestHead } from '../protocols/hpks/index.js';
import type { Chunk } from './chunk.js';
import { headerValue } from './head.js';
import type { LaneBody } from './lane-body.js';

/** What `bytes`, `text` and `json` gather at most, in bytes, unless told otherwise. */
export const DEFAULT_BODY_LIMIT = 16 * 1024 * 1024;

/** A request: its head is complete, its body may still be arriving. */
export class WorkerRequest {
  readonly head: RequestHead;
  /** The body's chunks in order; see `Chunk` for how long their bytes are valid. */
  readonly body: LaneBody;

  /** @internal */
  constructor(head: RequestHead, body: LaneBody) {
    this.head = head;
    this.body = body;
  }

  get method(): string {
    return this.head.method;
  }

  /** Path and query. It may hold a secret (a stream key): keep it out of logs. */
  get path(): string {
    return this.head.path;
  }

  get scheme(): string | undefined {
    return this.head.scheme;
  }

  /** Host and port; a `host` field is not looked at. */
  get authority(): string | undefined {
    return this.head.authority;
  }

  /** 1 = HTTP/1.1, 2 = HTTP/2, 3 = HTTP/3. */
  get version(): HttpVersion {
    return this.head.version;
  }

  /** Fields in order, with duplicates; one char per byte (latin1). */
  get headers(): readonly Header[] {
    return this.head.headers;
  }

  /** The value of a field, names compared without case; duplicates are joined with a comma. */
  header(name: string): string | undefined {
    return headerValue(this.head.headers, name);
  }

  /** Trailer fields; empty until the body was read to its end. */
  get trailers(): readonly Header[] {
    return this.body.trailers;
  }

  /** The whole body in private memory.
   *  @throws UploadResponseError BODY_TOO_LARGE above `limit` bytes, and as `body` */
  async bytes(limit = DEFAULT_BODY_LIMIT): Promise<Uint8Array> {
    const announced = Number(this.header('content-length') ?? 0);
    if (announced > limit) throw tooLarge(limit);
    const copies: Uint8Array[] = [];
    let size = 0;
    for (let chunk = await this.#next(); chunk; chunk = await this.#next()) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      copies.push(chunk.copy());
    }
    if (copies.length === 1) return copies[0] as Uint8Array;
    const whole = new Uint8Array(size);
    let at = 0;
    for (const copy of copies) {
      whole.set(copy, at);
      at += copy.length;
    }
    return whole;
  }

  /** The whole body as UTF-8. @throws as `bytes` */
  async text(limit = DEFAULT_BODY_LIMIT): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit));
  }

  /** The whole body as JSON. @throws SyntaxError, and as `bytes` */
  async json<T = unknown>(limit = DEFAULT_BODY_LIMIT): Promise<T> {
    return JSON.parse(await this.text(limit)) as T;
  }

  #next(): Promise<Chunk | undefined> {
    return this.body.pull();
  }
}

function tooLarge(limit: number): UploadResponseError {
  return new UploadResponseError('BODY_TOO_LARGE', `more than ${limit} bytes`);
}
