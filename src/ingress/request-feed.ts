import { throwIfError, UploadResponseError } from '../errors/index.js';
import { encodeHeaders, type Header, type RequestHead } from '../protocols/hpks/index.js';
import {
  Lane,
  type LentWriter,
  type RingReader,
  type RingWriter,
  type Segment,
  SlotFlag,
} from '../ring/index.js';
import { trailerFields } from './headers.js';
import type { Backlog } from './waiting-budget.js';
import { KEYFRAME, WaitingChunks } from './waiting-chunks.js';

/**
 * The request side of an exchange: bytes go into the request lane as they come, and what does not fit
 * waits here until there is room. Methods throw what became of the stream.
 */
export class RequestFeed {
  readonly #segment: Segment;
  readonly #id: number;
  readonly #writer: RingWriter;
  readonly #ownsChunks: boolean;
  readonly #mayLetGo: () => boolean;
  readonly #budget: Backlog;
  /** Keeps everything since the first slot in the ring until a worker reads. */
  #hold: RingReader | undefined;
  readonly #waiting = new WaitingChunks();
  /** The head's frame, to be repeated before keyframes. */
  #head: Uint8Array | undefined;
  /** Bytes of `waiting` that are not in the ring: what the budget counts. */
  #waitingBytes = 0;
  /** Bytes of the oldest of `waiting` that are in the ring. */
  #taken = 0;
  #trailers: Uint8Array | undefined;
  #ending = false;
  #ended = false;
  #full = false;
  /** Native code writes the body. */
  #lent: LentWriter | undefined;
  #lentBytes = 0;

  /** `ownsChunks`: nobody else looks at a chunk after `write`.
   *  `mayLetGo`: whoever must see the whole request reads it, so that it can go on without the hold.
   *  @throws UploadResponseError STALE_STREAM, NO_FREE_READER */
  constructor(
    segment: Segment,
    id: number,
    ownsChunks: boolean,
    mayLetGo: () => boolean,
    budget: Backlog,
  ) {
    this.#budget = budget;
    this.#ownsChunks = ownsChunks;
    this.#mayLetGo = mayLetGo;
    this.#segment = segment;
    this.#id = id;
    this.#writer = segment.requestWriter(id);
    this.#hold = segment.join(id, Lane.request, 0);
  }

  /** The end slot has been published. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Something waits for room. */
  get full(): boolean {
    return this.#full;
  }

  /** Newest published slot: moves with progress. */
  get last(): number {
    return (this.#lent ?? this.#writer).last;
  }

  /** Body bytes that native code wrote. */
  get lentBytes(): number {
    return this.#lent?.bytes ?? this.#lentBytes;
  }

  /** Bytes that one slot takes. */
  get slotSize(): number {
    return this.#writer.slotSize;
  }

  /** Workers, without ourselves, that stand in the way of the next slot. */
  blockers(): bigint {
    return (this.#lent ?? this.#writer.native).blockers() & ~(1n << BigInt(this.#segment.worker));
  }

  /** @throws UploadResponseError an HPKS error, HEAD_TOO_LARGE */
  writeHead(head: RequestHead): void {
    const frame = encodeHeaders(this.#id, head);
    if (frame.length > this.#writer.slotSize) {
      throw new UploadResponseError(
        'HEAD_TOO_LARGE',
        `${frame.length} bytes do not fit into a slot`,
      );
    }
    this.#head = frame;
    this.#writer.tryWrite(frame, SlotFlag.head);
  }

  /** Takes body bytes. False: the lane is full, the rest is kept, pause until `retry` says true.
   *  @throws UploadResponseError MEMORY_LIMIT: too much waits already, here and elsewhere */
  write(chunk: Uint8Array): boolean {
    const { length } = chunk;
    let taken = 0;
    if (!this.#full) {
      taken = this.#append(chunk, 0);
      if (taken === length) return true;
      this.#taken = taken;
      this.#full = true;
    }
    if (!this.#budget.take(length - taken)) throw new UploadResponseError('MEMORY_LIMIT');
    this.#waitingBytes += length - taken;
    const isFirst = this.#waiting.front === undefined;
    this.#waiting.push(chunk);
    return isFirst && this.retry();
  }

  /** What is written next begins with a keyframe. False: the lane is full, as `write`. */
  beginKeyframe(): boolean {
    if (!this.#full && this.#writer.tryBeginKeyframe(this.#head)) return true;
    this.#full = true;
    const isFirst = this.#waiting.front === undefined;
    this.#waiting.pushKeyframe();
    return isFirst && this.retry();
  }

  /** Lends the lane to native code until the end of the body: `write` must not be called any more. When
   *  that finds the lane full, `retry` as after `write`. `limit`: bytes that may come. */
  lend(limit: number): LentWriter {
    this.#lent = this.#writer.lend(this.#head, Math.min(limit, Number.MAX_SAFE_INTEGER));
    return this.#lent;
  }

  /** Frees memory that nobody looks at any more. */
  free(bytes: Uint8Array): void {
    this.#writer.free(bytes);
  }

  /** Publishes what is in the open slot. */
  flush(): void {
    if (!this.#lent) this.#writer.flush();
  }

  /** The request is complete once everything before it has found room. */
  end(trailers: readonly Header[]): void {
    if (this.#ending) return;
    this.#takeBack();
    const fields = trailerFields(trailers);
    if (fields.length > 0) this.#trailers = encodeTrailers(this.#id, fields, this.#writer.slotSize);
    this.#ending = true;
    this.retry();
  }

  /** Tries again to find room for what waits. True when nothing waits any more. */
  retry(): boolean {
    for (;;) {
      if (this.#drain()) {
        this.#full = false;
        return true;
      }
      this.#full = true;
      if (this.#letGo()) continue;
      if (throwIfError((this.#lent ?? this.#writer).poll()) === 1) return false;
    }
  }

  /** True when the whole request is in the ring and will stay there. */
  keepWhole(): boolean {
    if (this.#hold) return true;
    try {
      this.#hold = this.#segment.join(this.#id, Lane.request, 0);
    } catch {
      return false;
    }
    if (this.#hold.gap === 0 && this.#segment.native.isWhole(this.#id, Lane.request) === 1) {
      return true;
    }
    this.#leaveHold();
    return false;
  }

  /** Gives everything of the lane back. */
  close(): void {
    this.#waiting.clear();
    this.#budget.give(this.#waitingBytes);
    this.#waitingBytes = 0;
    this.#ending = true;
    this.#takeBack();
    this.#leaveHold();
    this.#writer.release();
  }

  #takeBack(): void {
    if (!this.#lent) return;
    this.#writer.takeBack();
    this.#lentBytes = this.#lent.bytes;
    this.#lent = undefined;
  }

  /** Of an owned chunk nothing is left once all of it was taken, its length neither. */
  #append(chunk: Uint8Array, start: number): number {
    return this.#ownsChunks
      ? this.#writer.tryAppendOwned(chunk, start)
      : this.#writer.tryAppend(chunk, start);
  }

  #drain(): boolean {
    if (this.#lent) return this.#lent.drain();
    for (let chunk = this.#waiting.front; chunk; chunk = this.#waiting.front) {
      if (chunk === KEYFRAME) {
        if (!this.#writer.tryBeginKeyframe(this.#head)) return false;
        this.#waiting.shift();
        continue;
      }
      const { length } = chunk;
      const appended = this.#append(chunk, this.#taken);
      this.#waitingBytes -= appended;
      this.#budget.give(appended);
      this.#taken += appended;
      if (this.#taken < length) return false;
      this.#waiting.shift();
      this.#taken = 0;
    }
    if (!this.#ending || this.#ended) return true;
    if (this.#trailers) {
      if (!this.#writer.tryWrite(this.#trailers, SlotFlag.trailers)) return false;
      this.#trailers = undefined;
    }
    this.#ended = this.#writer.tryEnd();
    return this.#ended;
  }

  /** The hold is in the way of a full lane; a worker that reads protects its own place by itself. */
  #letGo(): boolean {
    if (!this.#hold || !this.#mayLetGo()) return false;
    this.#leaveHold();
    return true;
  }

  #leaveHold(): void {
    this.#hold?.leave();
    this.#hold = undefined;
  }
}

/** Trailers that a slot cannot hold are dropped: they are never needed to understand a request. */
function encodeTrailers(id: number, fields: Header[], room: number): Uint8Array | undefined {
  const head = { kind: 'request', version: 1, method: 'POST', path: '/', headers: fields } as const;
  const frame = encodeHeaders(id, head);
  return frame.length <= room ? frame : undefined;
}
