import { errorOf, fromNative, throwIfError } from '../errors/index.js';
import {
  type AttachOptions,
  type CreateOptions,
  loadAddon,
  type NativeSegment,
  type SegmentDescription,
} from '../native/index.js';
import { streamIndex, WorkerRole } from './flags.js';
import { RingReader } from './ring-reader.js';
import { RingWriter } from './ring-writer.js';

/** Called when somebody rang for its stream. Returns true when it has what it waited for. */
export type Waiter = () => boolean;

const SIGNAL_BATCH = 1024;

/**
 * One process's attachment to a segment: the mapping, the doorbell, and the way to readers and
 * writers. Everything runs on the JavaScript thread; sleeping is done by one native thread.
 */
export class Segment {
  readonly description: SegmentDescription;
  readonly #signals = new Uint32Array(SIGNAL_BATCH);
  readonly #waiters = new Map<number, Set<Waiter>>();
  readonly #listeners = new Set<(index: number) => void>();
  readonly #wakeListeners = new Set<() => void>();
  #closed = false;

  private constructor(readonly native: NativeSegment) {
    this.description = native.describe();
    native.onWake(() => this.#wake());
  }

  /** Creates a segment and serves its control socket. @throws UploadResponseError */
  static create(options: CreateOptions): Segment {
    return new Segment(translate(() => loadAddon().create(options)));
  }

  /**
   * Attaches to a segment that other ingress processes serve, as one more of them. Waits a few seconds
   * where there is no arbiter. Rejects with SERVER_GONE, PERMISSION_DENIED (it is not `resumable`), ...
   */
  static join({ socket, name }: { socket: string; name: string }): Promise<Segment> {
    const role = WorkerRole.ingress;
    return Segment.attach({ socket, name, role, observer: '', capacity: 0 });
  }

  /** Attaches to a running server. Rejects with SERVER_GONE, PERMISSION_DENIED, ABI_MISMATCH ... */
  static async attach(options: AttachOptions): Promise<Segment> {
    try {
      return new Segment(await loadAddon().attach(options));
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** Own worker row, -1 for a monitor. */
  get worker(): number {
    return this.native.worker;
  }

  /** This process lets workers in and repairs what dead ones left. */
  get isArbiter(): boolean {
    return this.native.arbiter() === this.native.worker;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** A view on bytes of the mapping; valid until its slot is released. */
  view(window: number, offset: number, length: number): Uint8Array {
    const there = this.native.windows[window] as ArrayBuffer;
    const buffer = there.byteLength > 0 ? there : this.native.renewWindow(window);
    return new Uint8Array(buffer, offset, length);
  }

  /** Joins a lane as a gating reader. `from`: acknowledged position, or one of `JoinAt`.
   *  @throws UploadResponseError STALE_STREAM, NO_FREE_READER */
  join(id: number, lane: number, from: number): RingReader {
    const reader = this.native.join(id, lane, from);
    if (typeof reader === 'number') throw errorOf(reader);
    return new RingReader(this, reader, id, lane);
  }

  /** Claims the response or a stage lane; undefined when another worker holds it.
   *  @throws UploadResponseError STALE_STREAM */
  tryClaim(id: number, lane: number): RingWriter | undefined {
    const writer = this.native.claim(id, lane);
    if (typeof writer !== 'number') return new RingWriter(this, writer, id, lane);
    const error = errorOf(writer);
    if (error.code === 'ALREADY_CLAIMED') return undefined;
    throw error;
  }

  /** The single writer of a request lane (ingress only). */
  requestWriter(id: number): RingWriter {
    const writer = this.native.requestWriter(id);
    if (typeof writer === 'number') throw errorOf(writer);
    return new RingWriter(this, writer, id, 0);
  }

  /** `waiter` runs at every ring for the stream's place until it returns true or is removed. */
  addWaiter(id: number, waiter: Waiter): void {
    const index = streamIndex(id);
    const waiters = this.#waiters.get(index);
    if (waiters) waiters.add(waiter);
    else this.#waiters.set(index, new Set([waiter]));
  }

  removeWaiter(id: number, waiter: Waiter): void {
    const index = streamIndex(id);
    const waiters = this.#waiters.get(index);
    if (waiters?.delete(waiter) && waiters.size === 0) this.#waiters.delete(index);
  }

  /** `listener` runs for every stream that was rung, after its waiters. Returns the way to stop. */
  onStream(listener: (index: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `listener` runs after each wake, signals or not: control events, or the server's end. */
  onWake(listener: () => void): () => void {
    this.#wakeListeners.add(listener);
    return () => this.#wakeListeners.delete(listener);
  }

  /**
   * Resolves when `poll` returns 0 or an error number (negative, thrown); `poll` must arm its wake
   * before it returns 1.
   */
  waitFor(id: number, poll: () => number, signal?: AbortSignal): Promise<void> {
    const first = poll();
    if (first === 0) return Promise.resolve();
    if (first < 0) return Promise.reject(errorOf(first));
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.removeWaiter(id, waiter);
        reject(signal?.reason);
      };
      const waiter = () => {
        const result = this.#closed ? -33 : poll();
        if (result === 1) return false;
        signal?.removeEventListener('abort', onAbort);
        if (result === 0) resolve();
        else reject(errorOf(result));
        return true;
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.addWaiter(id, waiter);
    });
  }

  /** Gives everything back and detaches the mapping: every view becomes empty. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const index of [...this.#waiters.keys()]) this.#runWaiters(index);
    this.native.close();
  }

  #wake(): void {
    if (this.#closed) return;
    let count: number;
    do {
      count = throwIfError(this.native.takeSignals(this.#signals));
      for (let i = 0; i < count; i++) {
        const index = this.#signals[i] as number;
        this.#runWaiters(index);
        for (const listener of this.#listeners) listener(index);
      }
    } while (count === SIGNAL_BATCH && !this.#closed);
    for (const listener of this.#wakeListeners) listener();
  }

  #runWaiters(index: number): void {
    const waiters = this.#waiters.get(index);
    if (!waiters) return;
    for (const waiter of [...waiters]) {
      if (waiter()) waiters.delete(waiter);
    }
    if (waiters.size === 0 && this.#waiters.get(index) === waiters) this.#waiters.delete(index);
  }
}

function translate<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}
