import { ERRORS } from '../errors/index.js';
import { Lane, type Segment, streamIndex } from '../ring/index.js';
import { rowsOfServers, workerNames, workersOf } from './holder.js';
import type { Logger } from './logger.js';
import type { Timed, TimerWheel } from './timer-wheel.js';

/** Rings do the work; this only covers a ring that was lost with its ringer. */
const RETRY_MS = 100;
const FULL = -ERRORS.FULL.number;

/** How long closed streams are waited for. Milliseconds. */
export interface ClosingOptions {
  /** For observers that still read an answered request. */
  readonly lingerMs: number;
  /** For workers that hold a closed stream, before they are killed. 0: for ever. */
  readonly killStuckAfterMs: number;
}

/**
 * Streams whose client has been served: each place is free again when nobody holds anything of it.
 * Until then it is set aside, and never given to another request.
 */
export class ClosingStreams implements Timed {
  readonly #segment: Segment;
  readonly #wheel: TimerWheel;
  readonly #log: Logger;
  #options: ClosingOptions;
  /** Closed streams by index, not yet reclaimed. */
  readonly #closed = new Map<number, { readonly id: number; readonly since: number }>();
  /** Streams that observers still read, with the time at which they are closed all the same. */
  readonly #late = new Map<number, number>();
  readonly #stopListening: () => void;

  constructor(segment: Segment, wheel: TimerWheel, log: Logger, options: ClosingOptions) {
    this.#segment = segment;
    this.#wheel = wheel;
    this.#log = log;
    this.#options = options;
    this.#stopListening = segment.onStream((index) => this.#rung(index));
  }

  /** From now on these count. */
  setOptions(options: ClosingOptions): void {
    this.#options = options;
  }

  /** Closed streams that a living worker still holds. */
  get setAside(): number {
    return this.#closed.size;
  }

  /** Answered streams whose request is still being read. */
  get lingering(): number {
    return this.#late.size;
  }

  /** Closes the stream and frees its place as soon as it can be. */
  close(id: number): void {
    this.#segment.native.closeStream(id);
    this.adopt(id);
  }

  /** Takes a stream over that a dead ingress process had opened: it is closed already. */
  adopt(id: number): void {
    const now = this.#wheel.now();
    this.#closed.set(streamIndex(id), { id, since: now });
    if (!this.#reclaim(id)) this.#wheel.scheduleBy(this, now + RETRY_MS);
  }

  /** Closes the stream once its readers have left, or after the time that they are given. */
  closeLate(id: number): void {
    const now = this.#wheel.now();
    const { lingerMs } = this.#options;
    this.#late.set(id, now + lingerMs);
    this.#wheel.scheduleBy(this, now + Math.min(RETRY_MS, lingerMs));
  }

  /** Frees what can be freed: a new request counts more than a late observer. */
  makeRoom(): void {
    for (const id of [...this.#late.keys()]) this.#endLinger(id);
    for (const { id } of [...this.#closed.values()]) this.#reclaim(id);
  }

  onTime(now: number): void {
    for (const [id, until] of [...this.#late]) {
      if (now >= until || this.#readers(id) === 0) this.#endLinger(id);
    }
    const { killStuckAfterMs } = this.#options;
    for (const { id, since } of [...this.#closed.values()]) {
      if (this.#reclaim(id) || killStuckAfterMs === 0) continue;
      if (now - since < killStuckAfterMs) continue;
      this.#closed.set(streamIndex(id), { id, since: now });
      this.#killHolders(id);
    }
    if (this.#late.size + this.#closed.size > 0) this.#wheel.scheduleBy(this, now + RETRY_MS);
  }

  stop(): void {
    this.#stopListening();
    this.#wheel.cancel(this);
  }

  #rung(index: number): void {
    const closed = this.#closed.get(index);
    if (closed) this.#reclaim(closed.id);
  }

  #endLinger(id: number): void {
    this.#late.delete(id);
    this.close(id);
  }

  #killHolders(id: number): void {
    const { native } = this.#segment;
    const lanes = native.streams().find((stream) => stream.id === id)?.lanes ?? [];
    let holders = 0n;
    for (const { owner, orphan, readers, pins } of lanes) {
      holders |= pins;
      if (owner >= 0 && !orphan) holders |= 1n << BigInt(owner);
      for (const { worker } of readers) holders |= 1n << BigInt(worker);
    }
    holders &= ~rowsOfServers(this.#segment);
    if (holders === 0n) return;
    const workers = workerNames(this.#segment, holders);
    this.#log.warn({ stream: id, workers }, 'killing workers that hold a closed stream');
    for (const worker of workersOf(holders)) native.kill(worker);
  }

  #readers(id: number): number {
    return this.#segment.native.readerCount(id, Lane.request);
  }

  /** True when the place is free, whoever freed it. */
  #reclaim(id: number): boolean {
    // Whatever is not "held" will not become better by trying again.
    const held = this.#segment.native.reclaim(id) === FULL;
    if (!held) this.#closed.delete(streamIndex(id));
    return !held;
  }
}
