import { UploadResponseError } from '../errors/index.js';
import type { HttpVersion } from '../protocols/hpks/index.js';
import { Lane, Segment, WorkerRole } from '../ring/index.js';
import type { Patience } from './patience.js';
import { Pulse } from './pulse.js';
import type { RemoteClaim } from './remote-claim.js';
import { RemoteStream } from './remote-stream.js';
import { StreamBell } from './stream-bell.js';

/** How long a stream is not told again to a worker that has left it: it may not have got the answer. */
const TELL_AGAIN_MS = 1000;

/** How a remote worker registers. */
export interface RemoteWorkerOptions {
  readonly id: string;
  /** What `top`, logs and metrics call it. */
  readonly name: string;
  readonly role: 'responder' | 'observer';
  /** Who registered it: nobody else may speak for it. */
  readonly subject: string | undefined;
  readonly capacity: number;
  readonly timeoutMs: number;
}

/**
 * A worker on another machine, by its attachment: a row of the segment like that of any local worker,
 * which this process holds for it. When it is silent for too long, the attachment is closed: for
 * everybody else that is the death of a worker.
 */
export class RemoteWorker {
  readonly id: string;
  readonly name: string;
  readonly role: 'responder' | 'observer';
  readonly subject: string | undefined;
  readonly segment: Segment;
  readonly #bell: StreamBell;
  readonly #pulse: Pulse;
  readonly #ended: (worker: RemoteWorker, timedOut: boolean) => void;
  readonly #streams = new Map<number, RemoteStream>();
  /** When the worker was told of an unclaimed stream. */
  readonly #told = new Map<number, number>();
  readonly #onChange = new Set<(changed: true) => void>();
  #capacity: number;
  #over = false;

  /** `ended` runs once, when it has left or counts as dead. @throws UploadResponseError NO_FREE_WORKER */
  static async attach(
    socket: string,
    options: RemoteWorkerOptions,
    ended: (worker: RemoteWorker, timedOut: boolean) => void,
  ): Promise<RemoteWorker> {
    const { name, role, capacity } = options;
    const segment = await Segment.attach({
      socket,
      name,
      role: WorkerRole[role],
      observer: '',
      capacity,
    });
    return new RemoteWorker(segment, options, ended);
  }

  private constructor(
    segment: Segment,
    options: RemoteWorkerOptions,
    ended: (worker: RemoteWorker, timedOut: boolean) => void,
  ) {
    this.id = options.id;
    this.name = options.name;
    this.role = options.role;
    this.subject = options.subject;
    this.segment = segment;
    this.#capacity = options.capacity;
    this.#ended = ended;
    this.#bell = new StreamBell(segment);
    segment.native.setRef(false);
    segment.onWake(() => {
      if (!segment.native.connected()) this.#end(false);
    });
    this.#pulse = new Pulse(options.timeoutMs, () => this.#end(true));
    this.#beat();
  }

  /** It has left, or counts as dead. */
  get over(): boolean {
    return this.#over;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get timeoutMs(): number {
    return this.#pulse.timeoutMs;
  }

  /** When it counts as dead unless it is heard of: ms from now. */
  get expiresInMs(): number {
    return this.#pulse.leftMs;
  }

  /** Responses that it has claimed. */
  get inFlight(): number {
    let count = 0;
    for (const stream of this.#streams.values()) if (stream.claim(Lane.response)) count++;
    return count;
  }

  /** What it holds, by stream. */
  get streams(): readonly RemoteStream[] {
    return [...this.#streams.values()];
  }

  /**
   * Runs a request of the worker: it lives, and while the request waits, for `waitMs` at most, it need
   * not be heard of. `run` is given the way to wait anew.
   * @throws UploadResponseError UNKNOWN_REMOTE_WORKER: it has gone meanwhile; and what `run` throws
   */
  async attend<T>(waitMs: number, run: (extend: (ms: number) => void) => Promise<T>): Promise<T> {
    try {
      return await this.#pulse.during(waitMs, run);
    } catch (error) {
      throw this.#over ? unknownRemoteWorker(this.id) : error;
    }
  }

  heartbeat(capacity: number | undefined, timeoutMs: number | undefined): void {
    this.#capacity = capacity ?? this.#capacity;
    this.#pulse.beat(timeoutMs);
    this.#beat();
  }

  /** What it holds of a stream; made where that is nothing yet. */
  stream(id: number): RemoteStream {
    const known = this.#streams.get(id);
    if (known) return known;
    return new RemoteStream(this.segment, id, (changed) => {
      const held = this.#streams.get(id);
      if (changed.idle) this.#streams.delete(id);
      else if (!held) this.#streams.set(id, changed);
      this.#beat();
    });
  }

  /** What it holds of a stream, if anything. */
  held(id: number): RemoteStream | undefined {
    return this.#streams.get(id);
  }

  /** @throws UploadResponseError ALREADY_CLAIMED, UNKNOWN_STREAM, STALE_STREAM */
  claim(id: number, lane: number, version: HttpVersion): RemoteClaim {
    try {
      return this.stream(id).take(lane, version);
    } finally {
      // Where another one was faster it may come back, when that one dies.
      this.#told.delete(id);
    }
  }

  /** Ids of the streams that it could take or observe and has not been told of; waits for one, and
   *  before that until it has room for one. */
  async next(patience: Patience): Promise<readonly number[]> {
    while (this.#full) if (!(await this.#roomFor(patience))) return [];
    const look = () => {
      // Not to be told of what it could not take.
      if (this.#full) return [];
      const ids = this.#untold();
      return ids.length > 0 ? ids : undefined;
    };
    const ids = (await this.#bell.until(look, patience, () => this.#againMs())) ?? [];
    const now = performance.now();
    for (const id of ids) this.#told.set(id, now);
    return ids;
  }

  /** Gives everything back. Idempotent. */
  close(): void {
    this.#end(false);
  }

  #untold(): number[] {
    const open = this.segment.native.listStreams(this.role === 'responder');
    const ids = new Set(open);
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    const again = performance.now() - TELL_AGAIN_MS;
    return open.filter(
      (id) => !this.#streams.has(id) && (this.#told.get(id) ?? -Infinity) <= again,
    );
  }

  get #full(): boolean {
    return this.role === 'responder' && this.inFlight >= this.#capacity;
  }

  /** False when the time was over before. */
  async #roomFor(patience: Patience): Promise<boolean> {
    let leave: () => void = () => undefined;
    const changed = new Promise<boolean>((resolve, reject) => {
      leave = () => reject(patience.signal.reason);
      if (patience.signal.aborted) leave();
      else patience.signal.addEventListener('abort', leave, { once: true });
      this.#onChange.add(resolve);
    });
    return (await patience.bounded(changed)) ?? false;
  }

  #againMs(): number | undefined {
    return this.#told.size > 0 ? TELL_AGAIN_MS : undefined;
  }

  #beat(): void {
    if (this.#over) return;
    for (const resolve of this.#onChange) resolve(true);
    this.#onChange.clear();
    this.segment.native.heartbeat(this.#capacity, this.inFlight);
  }

  #end(timedOut: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#pulse.stop();
    this.#streams.clear();
    // As if it had died: what it held is given back by the arbiter, and its claims are re-queued.
    this.segment.close();
    this.#bell.close();
    for (const resolve of this.#onChange) resolve(true);
    this.#ended(this, timedOut);
  }
}

/** The error for a remote worker that is not there. */
export function unknownRemoteWorker(id: string): UploadResponseError {
  return new UploadResponseError('UNKNOWN_REMOTE_WORKER', id);
}
