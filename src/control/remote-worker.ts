import { UploadResponseError } from '../errors/index.js';
import type { HttpVersion } from '../protocols/hpks/index.js';
import { Lane, Segment, WorkerRole } from '../ring/index.js';
import { Intake, type IntakeHost } from './intake.js';
import { Pulse } from './pulse.js';
import type { RemoteClaim } from './remote-claim.js';
import { RemoteStream } from './remote-stream.js';

/** How a remote worker registers. */
export interface RemoteWorkerOptions {
  readonly id: string;
  /** What `top`, logs and metrics call it. */
  readonly name: string;
  readonly role: 'responder' | 'observer';
  /** Name of the required observer that it is, or ''. */
  readonly observer: string;
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
export class RemoteWorker implements IntakeHost {
  readonly id: string;
  readonly name: string;
  readonly role: 'responder' | 'observer';
  readonly observer: string;
  readonly subject: string | undefined;
  readonly segment: Segment;
  /** Its way to new streams. */
  readonly intake: Intake;
  readonly #pulse: Pulse;
  readonly #ended: (worker: RemoteWorker, timedOut: boolean) => void;
  readonly #streams = new Map<number, RemoteStream>();
  #capacity: number;
  #over = false;

  /** `ended` runs once, when it has left or counts as dead. @throws UploadResponseError NO_FREE_WORKER */
  static async attach(
    socket: string,
    options: RemoteWorkerOptions,
    ended: (worker: RemoteWorker, timedOut: boolean) => void,
  ): Promise<RemoteWorker> {
    const { name, role, observer, capacity } = options;
    const segment = await Segment.attach({
      socket,
      name,
      role: WorkerRole[role],
      observer,
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
    this.observer = options.observer;
    this.subject = options.subject;
    this.segment = segment;
    this.#capacity = options.capacity;
    this.#ended = ended;
    this.intake = new Intake(this);
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

  get full(): boolean {
    return this.role === 'responder' && this.inFlight >= this.#capacity;
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
    const judges = this.segment.description.requiredObservers.indexOf(this.observer);
    return new RemoteStream(this.segment, id, judges, (changed) => {
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
      this.intake.lost(id);
    }
  }

  /** Gives everything back. Idempotent. */
  close(): void {
    this.#end(false);
  }

  #beat(): void {
    if (this.#over) return;
    this.intake.changed();
    this.segment.native.heartbeat(this.#capacity, this.inFlight);
  }

  #end(timedOut: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#pulse.stop();
    this.#streams.clear();
    // As if it had died: what it held is given back by the arbiter, and its claims are re-queued.
    this.segment.close();
    this.intake.close();
    this.#ended(this, timedOut);
  }
}

/** The error for a remote worker that is not there. */
export function unknownRemoteWorker(id: string): UploadResponseError {
  return new UploadResponseError('UNKNOWN_REMOTE_WORKER', id);
}
