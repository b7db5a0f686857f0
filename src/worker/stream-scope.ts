import { codeOf, type ErrorCode, UploadResponseError } from '../errors/index.js';
import type { Segment } from '../ring/index.js';

/** Reasons that are this worker's own trouble: its log should name them. */
export const OWN_TROUBLE: ReadonlySet<ErrorCode> = new Set([
  'EVICTED',
  'HASH_MISMATCH',
  'SEGMENT_CORRUPT',
  'NOT_OWNER',
]);

/** The process leaves the stream: the server sees that by itself and decides what follows. The same code
 *  may also be that of a server which has given the stream up: see `StreamScope.givenUp`. */
export const LEFT_TO_SERVER: ReadonlySet<ErrorCode> = new Set([
  'SHUTTING_DOWN',
  'SERVER_GONE',
  'DETACHED',
]);

/** Errors after which nothing of the stream can be used. */
const LOSSES: ReadonlySet<ErrorCode> = new Set([
  ...OWN_TROUBLE,
  ...LEFT_TO_SERVER,
  'STALE_STREAM',
  'ABORTED',
]);

/** What a scope gives back when the work on its stream is over. */
export interface ScopePart {
  /** Idempotent; must not throw. */
  close(): void;
  /** The stream is given up: what nobody looks at can be given back at once. Must not throw. */
  abort?(error: UploadResponseError): void;
}

/** Why the work on a stream cannot go on, beside the reasons that every stream shares. */
export type ScopeCheck = () => UploadResponseError | undefined;

/**
 * Everything that one process holds of one stream: its readers and writers, the views that were
 * handed out, and the reason why the work ended. When the work is over, all of it is given back as
 * soon as no handed-out view is in use.
 */
export class StreamScope {
  readonly #parts = new Set<ScopePart>();
  readonly #waits = new AbortController();
  readonly #check: ScopeCheck;
  readonly #waiter = () => {
    this.inspect();
    return this.#closed;
  };
  #signal: AbortController | undefined;
  #error: UploadResponseError | undefined;
  #views = 0;
  #over = false;
  #givenUp = false;
  #closed = false;
  #onClosed: (() => void) | undefined;

  constructor(
    readonly segment: Segment,
    readonly id: number,
    check: ScopeCheck = () => undefined,
  ) {
    this.#check = check;
    segment.addWaiter(id, this.#waiter);
  }

  /** Why the stream was given up; undefined while it goes on and after a regular end. */
  get error(): UploadResponseError | undefined {
    return this.#error;
  }

  /** The server has given the stream up: nothing of it is needed any more. */
  get givenUp(): boolean {
    return this.#givenUp;
  }

  /** The work has ended or was given up. */
  get over(): boolean {
    return this.#over;
  }

  /** Everything was given back. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends every wait inside the SDK, on a regular end too. */
  get waits(): AbortSignal {
    return this.#waits.signal;
  }

  /** For the user: aborted, with `error` as its reason, when the stream is given up. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      this.#signal = new AbortController();
      if (this.#error) this.#signal.abort(this.#error);
    }
    return this.#signal.signal;
  }

  /** `listener` runs once, when everything was given back. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }

  /** Adds a reader or writer to what is given back. */
  own<T extends ScopePart>(part: T): T {
    this.#parts.add(part);
    return part;
  }

  /** Gives up if the stream was aborted, closed, or what we hold of it was taken away. */
  inspect(): void {
    if (this.#over) return;
    const error = this.#reason();
    if (error) this.abort(error);
  }

  /** The stream is given up: the signal aborts, waits end, everything is given back. */
  abort(error: UploadResponseError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#signal?.abort(error);
    this.#waits.abort(error);
    for (const part of this.#parts) part.abort?.(error);
    this.#tidy();
  }

  /** The work is done. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waits.abort(this.#ended());
    this.#tidy();
  }

  /** @throws UploadResponseError why the stream is not at work any more */
  throwIfOver(): void {
    if (this.#over) throw this.#ended();
  }

  /** Runs a ring operation; what it throws becomes the reason of the abort if there is one. */
  attempt<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** The better reason behind a failed ring operation. */
  explain(error: unknown): unknown {
    this.inspect();
    if (this.#error) return this.#error;
    if (error instanceof UploadResponseError && LOSSES.has(error.code)) this.abort(error);
    return error;
  }

  /** A view on a slot was handed out. */
  lend(): void {
    this.#views++;
  }

  /** It is not used any more. */
  takeBack(): void {
    if (this.#views > 0) this.#views--;
    if (this.#over) this.#tidy();
  }

  /** Gives everything back now, views in use or not. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#views = 0;
    this.#over = true;
    this.#closed = true;
    this.#waits.abort(this.#ended());
    this.segment.removeWaiter(this.id, this.#waiter);
    for (const part of this.#parts) part.close();
    this.#parts.clear();
    this.#onClosed?.();
  }

  #ended(): UploadResponseError {
    return this.#error ?? new UploadResponseError('DETACHED', 'the exchange has ended');
  }

  #tidy(): void {
    if (this.#views === 0) this.close();
  }

  #reason(): UploadResponseError | undefined {
    const { native, closed } = this.segment;
    if (closed) return new UploadResponseError('DETACHED');
    // First, because what the server does about an eviction comes as an abort.
    const error = this.#check();
    if (error) return error;
    const number = native.abortCode(this.id);
    this.#givenUp = number > 0;
    if (this.#givenUp) return new UploadResponseError(codeOf(number) ?? 'ABORTED');
    if (native.isOpen(this.id) !== 1) return new UploadResponseError('STALE_STREAM');
    return undefined;
  }
}
