import { UploadResponseError } from '../errors/index.js';
import type { RequestHead } from '../protocols/hpks/index.js';
import type { RingReader } from '../ring/index.js';
import type { BodyOptions } from './lane-body.js';
import { LEFT_TO_SERVER, type StreamScope } from './stream-scope.js';
import { StreamWork, type WorkHooks } from './stream-work.js';

/** A request that this worker reads beside the one that answers it. */
export class Observation extends StreamWork {
  /** The response waits for this observer's verdict. */
  readonly required: boolean;
  readonly #observer: number;
  #given = false;

  /** @internal `observer`: index of the required observer whose duty is held, -1 = none. */
  constructor(
    scope: StreamScope,
    head: RequestHead,
    reader: RingReader,
    observer: number,
    options: BodyOptions,
    hooks: WorkHooks,
  ) {
    super(scope, head, reader, options, hooks);
    this.#observer = observer;
    this.required = observer >= 0;
    // Whoever cannot judge must not let pass.
    scope.own({
      close: () => this.#give(false, 502, 'the observer gave no verdict'),
      abort: ({ code }) => {
        if (LEFT_TO_SERVER.has(code)) this.#given = true;
        else this.#give(false, 502, `the observer lost the stream (${code})`);
      },
    });
  }

  /** A verdict was given. */
  get decided(): boolean {
    return this.#given;
  }

  /** Lets the response through and ends the observation. Only the first verdict counts. */
  readonly pass = (): void => {
    this.#give(true, 0, '');
    this.scope.end();
  };

  /**
   * Refuses the upload: the client gets `status` and `reason` (at most 112 bytes of UTF-8) instead of
   * the response. Only required observers have a veto.
   * @throws UploadResponseError INVALID_ARGUMENT for a status outside 400..599
   */
  readonly veto = (status = 422, reason = ''): void => {
    if (!this.required) {
      throw new UploadResponseError('UNSUPPORTED', 'only a required observer has a veto');
    }
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'a veto has a status between 400 and 599');
    }
    this.#give(false, status, reason);
    this.scope.end();
  };

  protected async complete(): Promise<void> {
    if (!this.required || this.#given || this.scope.over) return;
    throw new UploadResponseError('WORKER_FAILED', 'a required observer must pass() or veto()');
  }

  protected give(): void {
    this.#give(false, 502, 'the observer failed');
  }

  #give(pass: boolean, status: number, reason: string): void {
    if (this.#given || !this.required) return;
    this.#given = true;
    this.scope.segment.native.giveVerdict(this.id, this.#observer, pass, status, reason);
  }
}
