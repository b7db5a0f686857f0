import { ERRORS, errorOf, fromNative, throwIfError } from '../errors/index.js';
import type { NativeWriter } from '../native/index.js';
import { SlotFlag } from './flags.js';
import { LentWriter } from './lent-writer.js';
import type { Segment } from './segment.js';

const FULL = -ERRORS.FULL.number;
const PINNED = -ERRORS.PINNED.number;

/** The single writer of one lane. "Full" is a result; everything else that fails is thrown. */
export class RingWriter {
  readonly #reserved = new Uint32Array(3);

  constructor(
    readonly segment: Segment,
    readonly native: NativeWriter,
    readonly streamId: number,
    readonly lane: number,
  ) {}

  /** Newest published slot id. */
  get last(): number {
    return this.native.last;
  }

  get slots(): number {
    return this.native.slots;
  }

  get slotSize(): number {
    return this.native.slotSize;
  }

  /** Copies body bytes from `start` into slots and publishes those that become full; returns the
   *  bytes taken, fewer than offered when the lane is full. `flush` publishes the rest. */
  tryAppend(bytes: Uint8Array, start = 0): number {
    return throwIfError(this.native.append(bytes, start, false));
  }

  /** As `tryAppend`, of bytes that nobody else looks at: when all of them were taken, and they are all
   *  of their ArrayBuffer, its memory is freed now instead of at the next garbage collection. An upload
   *  otherwise fills the heap with 64 KB buffers, whose collection and cold memory cost more than all
   *  the rest of the way into the segment: the next chunk takes the same warm memory. */
  tryAppendOwned(bytes: Uint8Array, start = 0): number {
    return throwIfError(this.native.append(bytes, start, true));
  }

  /** Frees the memory of bytes that nobody looks at any more, as `tryAppendOwned` does. They must be all of
   *  their ArrayBuffer. */
  free(bytes: Uint8Array): void {
    this.native.append(bytes, bytes.length, true);
  }

  /** Publishes what `tryAppend` has left in the open slot. */
  flush(): void {
    throwIfError(this.native.flush());
  }

  /** Publishes one slot. False when the lane is full. @throws SLOT_TOO_LARGE, LANE_ENDED ... */
  tryWrite(bytes: Uint8Array, flags: number): boolean {
    return this.#room(this.native.write(bytes, flags));
  }

  /** What is written next begins with a keyframe, where late readers can begin: flushes, and repeats the
   *  head (an HPKS frame) for them if it is given. False when the lane is full: not marked yet. */
  tryBeginKeyframe(head?: Uint8Array): boolean {
    return this.#room(this.native.beginKeyframe(head));
  }

  /** Publishes the end slot. False when the lane is full. */
  tryEnd(): boolean {
    return this.#room(this.native.end());
  }

  /** A writable view on the next slot, or undefined when the lane is full. `commit` publishes it. */
  tryReserve(): Uint8Array | undefined {
    if (!this.#room(this.native.reserve(this.#reserved))) return undefined;
    const [window, offset, capacity] = this.#reserved as unknown as [number, number, number];
    return this.segment.view(window, offset, capacity);
  }

  /** Publishes the reserved slot with `length` bytes of body. */
  commit(length: number, flags: number = SlotFlag.body): void {
    throwIfError(this.native.commit(length, flags));
  }

  /** Resolves when a slot may be free; rejects when the stream has been closed or aborted. */
  wait(signal?: AbortSignal): Promise<void> {
    return this.segment.waitFor(this.streamId, () => this.poll(), signal);
  }

  /** 1: full and the wake is armed; 0: there is room; negative: an error number. */
  poll(): number {
    return this.native.park();
  }

  /** Writes one slot, waiting for room. */
  async write(bytes: Uint8Array, flags: number, signal?: AbortSignal): Promise<void> {
    while (!this.tryWrite(bytes, flags)) await this.wait(signal);
  }

  /** Writes body bytes of any length and publishes them, waiting for room. */
  async append(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    let taken = this.tryAppend(bytes);
    while (taken < bytes.length) {
      await this.wait(signal);
      taken += this.tryAppend(bytes, taken);
    }
    this.flush();
  }

  /** Writes the end slot, waiting for room. */
  async end(signal?: AbortSignal): Promise<void> {
    while (!this.tryEnd()) await this.wait(signal);
  }

  /** Lends it to native code: nothing here writes until `takeBack`. `head`: repeated before keyframes;
   *  `limit`: bytes of the body that may come. */
  lend(head: Uint8Array | undefined, limit: number): LentWriter {
    try {
      return new LentWriter(this.native.lend(head, limit));
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** After it nobody else touches the lane; what waited for room is dropped. Idempotent. */
  takeBack(): void {
    this.native.takeBack();
  }

  /** Gives up with an error number: the readers are told. The claim stays until `release`. */
  fail(code: number): void {
    throwIfError(this.native.fail(code));
  }

  /** Gives the claim back. */
  release(): void {
    const result = this.native.release();
    if (
      result < 0 &&
      result !== -ERRORS.NOT_OWNER.number &&
      result !== -ERRORS.STALE_STREAM.number
    ) {
      throw errorOf(result);
    }
  }

  #room(result: number): boolean {
    if (result === FULL || result === PINNED) return false;
    throwIfError(result);
    return true;
  }
}
