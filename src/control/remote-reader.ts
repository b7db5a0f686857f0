import { UploadResponseError } from '../errors/index.js';
import type { RingReader } from '../ring/index.js';
import { expectOpen } from './gone.js';
import type { Patience } from './patience.js';
import { awaitSlot, type SlotCopy } from './slots.js';

/** A remote worker's place as a gating reader of one lane. */
export class RemoteReader {
  readonly #ring: RingReader;
  #acknowledged: number;

  constructor(ring: RingReader) {
    this.#ring = ring;
    this.#acknowledged = ring.native.position;
  }

  get lane(): number {
    return this.#ring.lane;
  }

  /** Newest slot that was acknowledged: those before it too. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Newest slot of the lane. */
  get last(): number {
    return this.#ring.last;
  }

  /** Slots that were gone when it joined. */
  get gap(): number {
    return this.#ring.gap;
  }

  /** Its place was taken away, since it kept the lane full. */
  get evicted(): boolean {
    const { segment, streamId, lane } = this.#ring;
    return segment.native.readersOf(streamId, lane, segment.worker) === 0;
  }

  /** Slots up to `slot` may be overwritten.
   *  @throws UploadResponseError EVICTED, BAD_REQUEST: it has not been written yet */
  acknowledge(slot: number): void {
    const { segment, streamId } = this.#ring;
    expectOpen(segment, streamId);
    this.#expectPlace();
    if (slot > this.#ring.last) {
      throw new UploadResponseError(
        'BAD_REQUEST',
        `slot ${slot} is not written yet: read the slots in order, or say with ack which were read`,
      );
    }
    while (this.#acknowledged < slot) {
      const passed = this.#ring.tail();
      if (!passed) return;
      this.#ring.release(passed.id);
      this.#acknowledged = passed.id;
    }
  }

  /** Waits for a slot; undefined when it was not written in time.
   *  @throws UploadResponseError EVICTED, LAPPED: it was acknowledged before; and of the stream */
  read(slot: number, patience: Patience): Promise<SlotCopy | undefined> {
    const { segment, streamId, lane } = this.#ring;
    return awaitSlot(segment, streamId, lane, slot, patience, () => this.#expectPlace());
  }

  /** Idempotent. */
  leave(): void {
    this.#ring.leave();
  }

  #expectPlace(): void {
    if (this.evicted) throw new UploadResponseError('EVICTED');
  }
}
