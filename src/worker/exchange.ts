import { UploadResponseError } from '../errors/index.js';
import type { RequestHead } from '../protocols/hpks/index.js';
import type { RingReader, RingWriter } from '../ring/index.js';
import type { HeadersInput } from './head.js';
import type { BodyOptions } from './lane-body.js';
import { ResponseWriter } from './response-writer.js';
import type { StreamScope } from './stream-scope.js';
import { StreamWork, type WorkHooks } from './stream-work.js';

/** A request and the right to answer it. */
export class Exchange extends StreamWork {
  readonly #response: ResponseWriter;

  /** @internal */
  constructor(
    scope: StreamScope,
    head: RequestHead,
    reader: RingReader,
    ring: RingWriter,
    options: BodyOptions,
    hooks: WorkHooks,
  ) {
    super(scope, head, reader, options, hooks);
    this.#response = scope.own(new ResponseWriter(scope, ring, head, () => scope.end()));
  }

  /** `respond` has been called. */
  get responded(): boolean {
    return this.#response.status > 0;
  }

  /**
   * Writes the head of the answer; the client gets it at once. The request's body may be read on
   * while the answer is written; after the answer's end it cannot.
   * @throws UploadResponseError INVALID_ARGUMENT, LANE_ENDED when called twice, SLOT_TOO_LARGE, an
   *   HPKS error for a header that is not valid, or the reason of the abort
   */
  readonly respond = (status: number, headers?: HeadersInput): ResponseWriter => {
    this.scope.throwIfOver();
    this.#response.begin(status, headers);
    return this.#response;
  };

  /**
   * Gives up: the client gets a 502, or a reset when the answer has begun. An UploadResponseError is
   * told to the server by its code, any other error is WORKER_FAILED. Idempotent.
   */
  readonly fail = (error?: unknown): void => {
    if (!this.scope.over) this.give(error);
  };

  protected async complete(): Promise<void> {
    if (this.#response.ending) await this.#response.idle();
    else if (!this.scope.over) {
      throw new UploadResponseError(
        'WORKER_FAILED',
        this.responded
          ? 'response.end() was not called'
          : 'nothing was answered; in a loop, hand over with exchange.run(handler)',
      );
    }
  }

  protected give(error: unknown): void {
    this.#response.fail(
      error instanceof UploadResponseError
        ? error
        : new UploadResponseError('WORKER_FAILED', undefined, { cause: error }),
    );
  }
}
