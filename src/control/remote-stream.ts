import { UploadResponseError } from '../errors/index.js';
import type { HttpVersion } from '../protocols/hpks/index.js';
import { Lane, type Segment } from '../ring/index.js';
import { expectOpen, whyGone } from './gone.js';
import { RemoteClaim } from './remote-claim.js';
import { RemoteDuty, type RemoteVerdict } from './remote-duty.js';
import { RemoteReader } from './remote-reader.js';

/** What one remote worker holds of one stream. All of it is given back when the stream goes. */
export class RemoteStream {
  readonly id: number;
  readonly #segment: Segment;
  readonly #duty: RemoteDuty;
  readonly #readers = new Map<number, RemoteReader>();
  readonly #claims = new Map<number, RemoteClaim>();
  readonly #changed: (stream: RemoteStream) => void;
  readonly #waiter = (): boolean => {
    // Then the arbiter gives everything back, as after a death.
    if (this.#segment.closed) return true;
    if (!whyGone(this.#segment, this.id)) return false;
    this.leave();
    return true;
  };

  /** `observer`: index of the required observer that the worker is, -1: none. `changed` runs when it
   *  begins or ceases to hold something. */
  constructor(
    segment: Segment,
    id: number,
    observer: number,
    changed: (stream: RemoteStream) => void,
  ) {
    this.#segment = segment;
    this.id = id;
    this.#duty = new RemoteDuty(segment, id, observer);
    this.#changed = changed;
  }

  get readers(): readonly RemoteReader[] {
    return [...this.#readers.values()];
  }

  get claims(): readonly RemoteClaim[] {
    return [...this.#claims.values()];
  }

  get idle(): boolean {
    return this.#readers.size + this.#claims.size === 0;
  }

  reader(lane: number): RemoteReader | undefined {
    return this.#readers.get(lane);
  }

  claim(lane: number): RemoteClaim | undefined {
    return this.#claims.get(lane);
  }

  /** Joins a lane, anew where the place was taken away; `from` counts as acknowledged, -1: everything
   *  that is there. @throws UploadResponseError NO_FREE_READER, UNKNOWN_STREAM, STALE_STREAM */
  join(lane: number, from: number): RemoteReader {
    expectOpen(this.#segment, this.id);
    const known = this.#readers.get(lane);
    if (known && !known.evicted) return known;
    known?.leave();
    const reader = new RemoteReader(this.#segment.join(this.id, lane, from));
    this.#readers.set(lane, reader);
    try {
      if (lane === Lane.request) this.#duty.joined(reader.gap);
    } catch (error) {
      this.leaveLane(lane);
      throw error;
    }
    this.#settle();
    return reader;
  }

  /** Judges the stream, and reads its request no more. @throws UploadResponseError NOT_OWNER */
  judge(verdict: RemoteVerdict): void {
    expectOpen(this.#segment, this.id);
    this.#duty.give(verdict);
    this.leaveLane(Lane.request);
  }

  /** Claims a lane; the same claim again where it is held already.
   *  @throws UploadResponseError ALREADY_CLAIMED, UNKNOWN_STREAM, STALE_STREAM */
  take(lane: number, version: HttpVersion): RemoteClaim {
    expectOpen(this.#segment, this.id);
    const known = this.#claims.get(lane);
    if (known) return known;
    const ring = this.#segment.tryClaim(this.id, lane);
    if (!ring) throw new UploadResponseError('ALREADY_CLAIMED');
    const claim = new RemoteClaim(ring, version);
    this.#claims.set(lane, claim);
    this.#settle();
    return claim;
  }

  /** Gives a reader's place back. */
  leaveLane(lane: number): void {
    if (lane === Lane.request) this.#duty.left();
    this.#readers.get(lane)?.leave();
    this.#readers.delete(lane);
    this.#settle();
  }

  /** Gives a claim back; with that of the response also what is read of the stream: the work is done. */
  release(claim: RemoteClaim): void {
    claim.release();
    this.#claims.delete(claim.lane);
    if (claim.lane === Lane.response && claim.ended) this.leave();
    else this.#settle();
  }

  /** Gives everything back. Idempotent. */
  leave(): void {
    this.#duty.left();
    for (const reader of this.#readers.values()) reader.leave();
    for (const claim of this.#claims.values()) claim.release();
    this.#readers.clear();
    this.#claims.clear();
    this.#settle();
  }

  #settle(): void {
    if (this.idle) this.#segment.removeWaiter(this.id, this.#waiter);
    else this.#segment.addWaiter(this.id, this.#waiter);
    this.#changed(this);
  }
}
