import { ERRORS, throwIfError, UploadResponseError } from '../errors/index.js';
import { encodeHeaders, type Head, type Header } from '../protocols/hpks/index.js';
import { Lane, type RingReader, type RingWriter, type Segment, SlotFlag } from '../ring/index.js';
import { type TailSlot, tailSlot } from './tail-slot.js';

const EMPTY = -ERRORS.EMPTY.number;
const meta = new Uint32Array(1);
let scratch = new Uint8Array(0);

/** What this process holds of one lane: its place as a reader, and the right to write. */
export class CacheLane {
  readonly #segment: Segment;
  readonly #id: number;
  readonly #lane: number;
  #reader: RingReader | undefined;
  #writer: RingWriter | undefined;
  /** Slots that the reader has been given and not released, oldest first. */
  readonly #held = new Map<number, TailSlot>();
  #next = 1;

  readonly #changed: (lane: CacheLane) => void;

  /** `changed` runs when it begins or ceases to hold something. */
  constructor(segment: Segment, id: number, lane: number, changed: (lane: CacheLane) => void) {
    this.#segment = segment;
    this.#id = id;
    this.#lane = lane;
    this.#changed = changed;
  }

  register(from: number): void {
    if (this.#reader) return;
    this.#reader = this.#segment.join(this.#id, this.#lane, from);
    this.#next = this.#reader.native.position + 1;
    this.#changed(this);
  }

  unregister(): void {
    this.#reader?.leave();
    this.#reader = undefined;
    this.#held.clear();
    this.#changed(this);
  }

  get idle(): boolean {
    return !this.#reader && !this.#writer;
  }

  /** See ChunkCache.tailRequest. */
  tail(slot: number): TailSlot | undefined {
    const reader = this.#reader;
    if (!reader) return this.#copy(slot);
    for (const held of this.#held.keys()) {
      if (held >= slot) break;
      this.#held.delete(held);
      reader.release(held);
    }
    if (slot < this.#next) return this.#held.get(slot) ?? this.#copy(slot);
    for (;;) {
      const found = reader.tail();
      if (!found) {
        this.#expectOpen();
        return undefined;
      }
      this.#next = found.id + 1;
      if (found.id < slot) {
        reader.release(found.id);
        continue;
      }
      const result = tailSlot(found.id, found.bytes, found.flags, true);
      this.#held.set(found.id, result);
      return result;
    }
  }

  /** True when this process has the right to write now. */
  claim(): boolean {
    this.#writer ??= this.#segment.tryClaim(this.#id, this.#lane);
    this.#changed(this);
    return this.#writer !== undefined;
  }

  release(): void {
    this.#writer?.release();
    this.#writer = undefined;
    this.#changed(this);
  }

  /** The writer: the claim's, or the request lane's, which only its ingress has.
   *  @throws UploadResponseError NOT_OWNER, STALE_STREAM */
  writer(): RingWriter {
    if (!this.#writer) {
      if (this.#lane !== Lane.request) throw new UploadResponseError('NOT_OWNER');
      this.#writer = this.#segment.requestWriter(this.#id);
      this.#changed(this);
    }
    return this.#writer;
  }

  tryWriteHead(head: Head): boolean {
    return this.writer().tryWrite(encodeHeaders(this.#id, head), SlotFlag.head);
  }

  /** Bytes from `start` on that there was room for, published. */
  tryAppend(bytes: Uint8Array, start: number): number {
    const writer = this.writer();
    const taken = writer.tryAppend(bytes, start);
    writer.flush();
    return taken;
  }

  async writeHead(head: Head): Promise<void> {
    await this.writer().write(encodeHeaders(this.#id, head), SlotFlag.head);
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.writer().append(bytes);
  }

  async end(trailers: readonly Header[]): Promise<void> {
    const writer = this.writer();
    if (trailers.length > 0) {
      const head: Head = { kind: 'response', version: 1, status: 200, headers: trailers };
      await writer.write(encodeHeaders(this.#id, head), SlotFlag.trailers);
    }
    await writer.end();
    this.release();
  }

  tryEnd(): boolean {
    if (!this.writer().tryEnd()) return false;
    this.release();
    return true;
  }

  leave(): void {
    this.unregister();
    this.release();
  }

  #copy(slot: number): TailSlot | undefined {
    this.#expectOpen();
    const { native, description } = this.#segment;
    const pool = description.pools[native.poolOf(this.#id)];
    if (!pool) throw new UploadResponseError('STALE_STREAM');
    if (pool.slotSize > scratch.length) scratch = new Uint8Array(pool.slotSize);
    const length = native.copySlot(this.#id, this.#lane, slot, scratch, meta);
    if (length === EMPTY) return undefined;
    throwIfError(length);
    return tailSlot(slot, scratch.slice(0, length), meta[0] as number, false);
  }

  #expectOpen(): void {
    const { native } = this.#segment;
    const reason = native.abortCode(this.#id);
    if (reason > 0) throwIfError(-reason);
    if (native.isOpen(this.#id) !== 1) throw new UploadResponseError('STALE_STREAM');
  }
}
