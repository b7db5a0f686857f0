import { setTimeout as delay } from 'node:timers/promises';
import { UploadResponseError } from '../errors/index.js';
import { Attachment } from './attachment.js';
import type { Exchange } from './exchange.js';
import type { Observation } from './observation.js';
import { type ResolvedOptions, resolveOptions, type WorkerOptions } from './options.js';
import { retry } from './retry.js';
import type { StreamWork } from './stream-work.js';

export interface StopOptions {
  /** How long running work may take, in ms; then it is aborted with SHUTTING_DOWN and the worker
   *  detaches, and the server re-queues or fails what is open. Default: no deadline. */
  readonly deadlineMs?: number | undefined;
}

/** A worker that answers, or one that observes. */
export type AnyWorker = Worker<Exchange> | Worker<Observation>;

export type WorkerState = 'attached' | 'waiting' | 'stopping' | 'stopped';

interface Demand<W> {
  resolve(result: IteratorResult<W, undefined>): void;
  reject(error: unknown): void;
}

/**
 * A worker: an async iterator of the streams that it takes. A stream is taken when somebody asks for
 * the next one, so a busy worker leaves new requests to idle ones.
 */
export class Worker<W extends StreamWork = Exchange> implements AsyncIterable<W> {
  readonly #options: ResolvedOptions;
  readonly #demands: Demand<W>[] = [];
  /** Attachments that take nothing any more and wait for work that still runs. */
  readonly #leaving = new Map<Attachment, Promise<void>>();
  readonly #stopSignal = new AbortController();
  #attachment: Attachment | undefined;
  #handler: ((work: W) => unknown) | undefined;
  #failure: unknown;
  #closed: Promise<void> | undefined;
  #markClosed!: () => void;
  #forgetSignal: () => void = () => undefined;
  #stopped = false;
  readonly #end = new Promise<void>((resolve) => {
    this.#markClosed = resolve;
  });

  private constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  /** @internal See `attach`. */
  static async start<W extends StreamWork>(options: WorkerOptions): Promise<Worker<W>> {
    const worker = new Worker<W>(resolveOptions(options));
    const { signal, waitForServer } = worker.#options;
    signal?.throwIfAborted();
    const stop = () => void worker.stop();
    worker.#forgetSignal = () => signal?.removeEventListener('abort', stop);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await worker.#attach(waitForServer);
    } catch (error) {
      worker.#forgetSignal();
      throw error;
    }
    return worker;
  }

  get state(): WorkerState {
    if (this.#stopped) return 'stopped';
    if (this.#stopSignal.signal.aborted) return 'stopping';
    return this.#attachment ? 'attached' : 'waiting';
  }

  /** Own row of the segment, -1 while the server is away. */
  get index(): number {
    return this.#attachment?.worker ?? -1;
  }

  /** Streams that are being worked on. */
  get inFlight(): number {
    return this.#attachment?.inFlight ?? 0;
  }

  /** Streams at once. */
  get concurrency(): number {
    return this.#options.concurrency;
  }

  /** Resolves when the worker has stopped; rejects when it can never attach again. */
  get closed(): Promise<void> {
    this.#closed ??= this.#end.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
    });
    return this.#closed;
  }

  /**
   * Takes streams one by one. The work belongs to the loop's body: when the next one is asked for and
   * nothing was answered, it is failed. To work on several at once hand over with
   * `exchange.run(handler)`, or use `worker.run(handler)`.
   */
  [Symbol.asyncIterator](): AsyncIterator<W, undefined, undefined> {
    let last: W | undefined;
    const moveOn = () => {
      last?.loopMovedOn();
      last = undefined;
    };
    return {
      next: async () => {
        moveOn();
        const result = await this.#next();
        last = result.value;
        return result;
      },
      return: async () => {
        moveOn();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * Runs `handler` for every stream, up to `concurrency` at once. A handler that throws, or returns
   * without an answer, fails its stream. Resolves when the worker has stopped.
   */
  run(handler: (work: W) => unknown): Promise<void> {
    if (this.#handler) {
      return Promise.reject(new UploadResponseError('INVALID_ARGUMENT', 'run was called before'));
    }
    this.#handler = handler;
    this.#attachment?.pump();
    return this.closed;
  }

  /** Takes nothing new, finishes what runs, detaches. Resolves when that is done. Idempotent. */
  async stop(options: StopOptions = {}): Promise<void> {
    this.#stopSignal.abort();
    this.#forgetSignal();
    const attachment = this.#attachment;
    this.#finishDemands();
    if (attachment) this.#retire(attachment);
    if (options.deadlineMs !== undefined) {
      const patience = new AbortController();
      const timer = delay(options.deadlineMs, undefined, { signal: patience.signal });
      await Promise.race([this.#left(), timer]);
      patience.abort();
      timer.catch(() => undefined);
      for (const one of this.#leaving.keys()) {
        one.abort(new UploadResponseError('SHUTTING_DOWN'));
        one.detach();
      }
    }
    await this.#left();
    if (this.#stopped) return;
    this.#stopped = true;
    this.#attachment = undefined;
    this.#options.report({ type: 'stopped' });
    this.#markClosed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #next(): Promise<IteratorResult<W, undefined>> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stopSignal.signal.aborted) return { done: true, value: undefined };
    return new Promise((resolve, reject) => {
      this.#demands.push({ resolve, reject });
      this.#attachment?.pump();
    });
  }

  async #attach(patient: boolean): Promise<void> {
    const attachment = await (patient
      ? retry(() => this.#open(), {
          signal: this.#stopSignal.signal,
          waiting: (error, delayMs) => this.#options.report({ type: 'waiting', error, delayMs }),
        })
      : this.#open());
    if (!attachment) return;
    if (this.#stopSignal.signal.aborted) {
      attachment.detach();
      return;
    }
    this.#attachment = attachment;
    const { worker, bootId } = attachment;
    this.#options.report({ type: 'attached', worker, bootId });
    attachment.pump();
  }

  async #open(): Promise<Attachment> {
    const attachment: Attachment = await Attachment.open(this.#options, {
      wants: () =>
        attachment === this.#attachment &&
        !this.#stopSignal.signal.aborted &&
        (this.#handler !== undefined || this.#demands.length > 0) &&
        attachment.inFlight < this.#options.concurrency,
      deliver: (work) => this.#deliver(work as W),
      lost: () => this.#lost(attachment),
      settled: () => attachment.pump(),
    });
    return attachment;
  }

  #deliver(work: W): void {
    const demand = this.#demands.shift();
    if (demand) demand.resolve({ done: false, value: work });
    else if (this.#handler) void work.run(this.#handler);
  }

  #lost(attachment: Attachment): void {
    this.#retire(attachment);
    if (this.#stopSignal.signal.aborted || attachment !== this.#attachment) return;
    this.#attachment = undefined;
    const error = new UploadResponseError('SERVER_GONE');
    this.#options.report({ type: 'detached', error });
    if (this.#options.reconnect) this.#attach(true).catch((reason) => this.#giveUp(reason));
    else this.#giveUp(error);
  }

  #giveUp(error: unknown): void {
    this.#failure = error;
    for (const demand of this.#demands.splice(0)) demand.reject(error);
    void this.stop();
  }

  #finishDemands(): void {
    for (const demand of this.#demands.splice(0)) demand.resolve({ done: true, value: undefined });
  }

  #retire(attachment: Attachment): void {
    const leaving = attachment.retire().then(() => {
      this.#leaving.delete(attachment);
    });
    this.#leaving.set(attachment, leaving);
  }

  async #left(): Promise<void> {
    while (this.#leaving.size > 0) await Promise.all(this.#leaving.values());
  }
}
