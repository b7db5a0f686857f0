import type { RequestHead } from '../protocols/hpks/index.js';
import type { RingReader } from '../ring/index.js';
import { type BodyOptions, LaneBody } from './lane-body.js';
import type { LaneWriter } from './lane-writer.js';
import { WorkerRequest } from './request.js';
import { readStage, writeStage } from './stage.js';
import { OWN_TROUBLE, type StreamScope } from './stream-scope.js';

/** What the worker is told of each stream that it works on. */
export interface WorkHooks {
  /** The work has ended and what ran for it has returned: its place is free. */
  settled(): void;
  /** The user's code failed or forgot something. */
  failed(error: unknown): void;
}

/**
 * One stream that this worker works on: what exchanges and observations have in common. What a handler
 * calls may be taken out of the object: `({ request, respond }) => ...`.
 */
export abstract class StreamWork {
  /** Id of the stream: unique within the segment. */
  readonly id: number;
  /** Name of the transport that brought the request. */
  readonly transport: string;
  readonly request: WorkerRequest;
  /** @internal */
  readonly scope: StreamScope;
  readonly #options: BodyOptions;
  readonly #hooks: WorkHooks;
  #running = 0;
  #handedOver = false;
  #settled = false;

  /** @internal */
  constructor(
    scope: StreamScope,
    head: RequestHead,
    reader: RingReader,
    options: BodyOptions,
    hooks: WorkHooks,
  ) {
    this.id = scope.id;
    this.transport = scope.segment.native.transportOf(scope.id);
    this.scope = scope;
    this.request = new WorkerRequest(head, scope.own(new LaneBody(scope, reader, options)));
    this.#options = options;
    this.#hooks = hooks;
    scope.onClosed(() => this.#settle());
  }

  /**
   * Aborted when nobody needs the work any more. The reason is an UploadResponseError: CLIENT_GONE,
   * RESPONSE_TIMEOUT, EVICTED, SERVER_GONE, STALE_STREAM, SHUTTING_DOWN ...
   */
  get signal(): AbortSignal {
    return this.scope.signal;
  }

  /** Claims a named stage lane and writes it. @throws UNKNOWN_STAGE, ALREADY_CLAIMED, STALE_STREAM */
  readonly stage = (name: string): LaneWriter => {
    this.scope.throwIfOver();
    return writeStage(this.scope, name);
  };

  /** Reads a named stage lane from its start. A stage whose writer has failed or died ends with its
   *  error. @throws UNKNOWN_STAGE, NO_FREE_READER, LAPPED, STALE_STREAM */
  readonly readStage = (name: string): LaneBody => {
    this.scope.throwIfOver();
    return readStage(this.scope, name, this.#options);
  };

  /**
   * Runs `handler` beside the loop that yielded this. When it returns, everything that it has not
   * ended is ended: chunks are released, and what is missing is a failure. Never rejects.
   */
  async run(handler: (work: this) => unknown): Promise<void> {
    this.#handedOver = true;
    this.#running++;
    try {
      await handler(this);
      await this.complete();
    } catch (error) {
      // After an abort the handler was right to throw, and nobody waits for what it did.
      if (!this.scope.error) this.#hooks.failed(error);
      this.give(error);
    } finally {
      const trouble = this.scope.error;
      if (trouble && OWN_TROUBLE.has(trouble.code)) this.#hooks.failed(trouble);
      this.#running--;
      this.scope.close();
      this.#settle();
    }
  }

  /** @internal The loop asks for the next one: whatever was not handed over must be complete. */
  loopMovedOn(): void {
    if (!this.#handedOver) void this.run(() => undefined);
  }

  /** The handler has returned: waits for what still runs. @throws what is missing */
  protected abstract complete(): Promise<void>;

  /** The handler has thrown `error`. */
  protected abstract give(error: unknown): void;

  #settle(): void {
    if (this.#settled || this.#running > 0 || !this.scope.closed) return;
    this.#settled = true;
    this.#hooks.settled();
  }
}
