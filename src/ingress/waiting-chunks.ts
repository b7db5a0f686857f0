/** Between chunks: what follows begins with a keyframe. */
export const KEYFRAME = Symbol('keyframe');

/** Chunks below this are copied together. */
const SMALL_BYTES = 4096;
const LARGEST_BLOCK_BYTES = 64 * 1024;

interface Node {
  readonly bytes: Uint8Array | typeof KEYFRAME;
  /** Of `bytes`. */
  used: number;
  next: Node | undefined;
}

/**
 * What waits for room in a lane, oldest first. A client decides how small its chunks are, and an object for
 * each costs some hundred bytes that no budget counts: small ones are copied into blocks, each at most
 * twice as long as what stands before it.
 */
export class WaitingChunks {
  #first: Node | undefined;
  #last: Node | undefined;
  /** Objects that are kept. */
  count = 0;

  /** The oldest: `KEYFRAME`, or bytes, which may have become more since the last time. */
  get front(): Uint8Array | typeof KEYFRAME | undefined {
    const first = this.#first;
    if (!first || first.bytes === KEYFRAME) return first?.bytes;
    return first.used === first.bytes.length ? first.bytes : first.bytes.subarray(0, first.used);
  }

  /** Keeps a chunk, or a copy of it. */
  push(chunk: Uint8Array): void {
    const { length } = chunk;
    const last = this.#last;
    if (length >= SMALL_BYTES || !last || last.bytes === KEYFRAME) {
      this.#add(chunk, length);
      return;
    }
    if (last.used + length <= last.bytes.length) {
      last.bytes.set(chunk, last.used);
      last.used += length;
      return;
    }
    const block = new Uint8Array(Math.max(length, Math.min(LARGEST_BLOCK_BYTES, 2 * last.used)));
    block.set(chunk);
    this.#add(block, length);
  }

  /** What is pushed next begins with a keyframe. */
  pushKeyframe(): void {
    this.#add(KEYFRAME, 0);
  }

  /** Drops the oldest. */
  shift(): void {
    if (!this.#first) return;
    this.count--;
    this.#first = this.#first.next;
    if (!this.#first) this.#last = undefined;
  }

  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.count = 0;
  }

  #add(bytes: Node['bytes'], used: number): void {
    const node: Node = { bytes, used, next: undefined };
    if (this.#last) this.#last.next = node;
    else this.#first = node;
    this.#last = node;
    this.count++;
  }
}
