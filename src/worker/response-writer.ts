import { UploadResponseError } from '../errors/index.js';
import type { Head, RequestHead } from '../protocols/hpks/index.js';
import type { RingWriter } from '../ring/index.js';
import type { BodyData } from './body-data.js';
import { type HeadersInput, headerList } from './head.js';
import { LaneWriter } from './lane-writer.js';
import type { StreamScope } from './stream-scope.js';

const BODYLESS = new Set([204, 205, 304]);

/** The answer to one request: its head has been written, the body follows, `end` completes it. */
export class ResponseWriter extends LaneWriter {
  readonly #request: RequestHead;
  readonly #onEnd: () => void;
  #status = 0;

  /** @internal */
  constructor(scope: StreamScope, ring: RingWriter, request: RequestHead, onEnd: () => void) {
    super(scope, ring);
    this.#request = request;
    this.#onEnd = onEnd;
  }

  /** HTTP status of the head. */
  get status(): number {
    return this.#status;
  }

  /** @internal Writes the head. */
  begin(status: number, headers: HeadersInput | undefined): void {
    if (this.#status > 0) throw new UploadResponseError('LANE_ENDED', 'respond was called before');
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'a final status is between 200 and 599');
    }
    this.writeHead({ ...this.#head(status), headers: headerList(headers) });
    this.#status = status;
  }

  /** An answer to HEAD, a 204, a 205 and a 304 have no body: what is written is dropped. */
  override write(data: BodyData): Promise<void> {
    return super.write(this.#bodyless ? '' : data);
  }

  override tryWrite(data: BodyData): number {
    if (!this.#bodyless) return super.tryWrite(data);
    super.tryWrite('');
    return typeof data === 'string' ? Buffer.byteLength(data) : data.length;
  }

  override end(data?: BodyData, trailers?: HeadersInput): Promise<void> {
    return this.#bodyless ? super.end() : super.end(data, trailers);
  }

  override fail(error: UploadResponseError): void {
    super.fail(error);
    this.#onEnd();
  }

  protected override trailerHead(headers: Head['headers']): Head {
    return { ...this.#head(this.#status), headers };
  }

  protected override finished(): void {
    super.finished();
    this.#onEnd();
  }

  get #bodyless(): boolean {
    return this.#request.method === 'HEAD' || BODYLESS.has(this.#status);
  }

  #head(status: number): Head {
    return { kind: 'response', version: this.#request.version, status, headers: [] };
  }
}
