import { throwIfError } from '../errors/index.js';
import type { NativeReader } from '../native/index.js';
import { SlotFlag } from './flags.js';
import type { Segment } from './segment.js';

/** One published slot. `bytes` is a view on the shared memory and valid until it is released. */
export interface Slot {
  readonly id: number;
  readonly bytes: Uint8Array;
  /** Bits of `SlotFlag`. */
  readonly flags: number;
}

const BATCH = 16;

/**
 * A gating reader of one lane: the writer waits for what it has not released. Slots may be released
 * in any order; the place in the ring is given back in the order of the ring.
 */
export class RingReader {
  readonly #batch = new Uint32Array(BATCH * 4);
  #batched = 0;
  #taken = 0;
  #next: number;
  #acknowledged: number;
  #released: Set<number> | undefined;
  #left = false;

  constructor(
    readonly segment: Segment,
    readonly native: NativeReader,
    readonly streamId: number,
    readonly lane: number,
  ) {
    this.#next = native.position + 1;
    this.#acknowledged = native.position;
  }

  /** Newest published slot id. */
  get last(): number {
    return this.native.last;
  }

  /** Slots that were already overwritten when this reader joined. */
  get gap(): number {
    return this.native.gap;
  }

  get left(): boolean {
    return this.#left;
  }

  /** The next slot, or undefined when there is none yet.
   *  @throws UploadResponseError EVICTED, SEGMENT_CORRUPT, STALE_STREAM */
  tail(): Slot | undefined {
    if (this.#taken === this.#batched) {
      this.#taken = 0;
      this.#batched = 0;
      this.#batched = throwIfError(this.native.tail(this.#batch, BATCH));
      if (this.#batched === 0) return undefined;
      this.#passOver(this.native.position - this.#batched);
    }
    const at = this.#taken++ * 4;
    const batch = this.#batch;
    return {
      id: this.#next++,
      bytes: this.segment.view(
        batch[at] as number,
        batch[at + 1] as number,
        batch[at + 2] as number,
      ),
      flags: batch[at + 3] as number,
    };
  }

  /** A reader that waits for a keyframe was not shown the slots up to `id`, which were acknowledged. */
  #passOver(id: number): void {
    if (id < this.#next) return;
    this.#next = id + 1;
    this.#acknowledged = Math.max(this.#acknowledged, this.native.cursor);
  }

  /** Gives slot `id` back. @throws UploadResponseError EVICTED: its bytes may have been overwritten
   *  while they were read, so what was made of them must be dropped. */
  release(id: number): void {
    if (this.#left || id <= this.#acknowledged) return;
    if (id !== this.#acknowledged + 1) {
      this.#released ??= new Set();
      this.#released.add(id);
      return;
    }
    let upTo = id;
    while (this.#released?.delete(upTo + 1)) upTo++;
    this.#acknowledged = upTo;
    throwIfError(this.native.ack(upTo));
  }

  /** Compares the slot's bytes with their XXH3-64. @throws UploadResponseError HASH_MISMATCH */
  verify(id: number): void {
    throwIfError(this.native.verify(id));
  }

  /** Resolves when there is a new slot; rejects when the stream has been closed or aborted. */
  wait(signal?: AbortSignal): Promise<void> {
    return this.segment.waitFor(this.streamId, () => this.poll(), signal);
  }

  /** 1: nothing yet and the wake is armed; 0: `tail` has something; negative: an error number. */
  poll(): number {
    return this.#left ? -33 : this.#taken < this.#batched ? 0 : this.native.park();
  }

  /** Slots up to and without the end slot. Each is released when the next one is asked for. */
  async *slots(signal?: AbortSignal): AsyncGenerator<Slot, void, undefined> {
    for (;;) {
      const slot = this.tail();
      if (!slot) {
        await this.wait(signal);
        continue;
      }
      if (slot.flags & SlotFlag.end) {
        this.release(slot.id);
        return;
      }
      yield slot;
      this.release(slot.id);
    }
  }

  /** Gives the place back; views of unreleased slots are no longer protected. Idempotent. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.native.leave();
  }
}
