import { UploadResponseError } from '../errors/index.js';

/** Where a chunk's bytes come from; it protects them until they are released. */
export interface ChunkSource {
  /** @throws UploadResponseError EVICTED: the bytes may have been overwritten meanwhile */
  releaseSlot(slot: number): void;
}

/**
 * A piece of a body: the bytes of one slot.
 *
 * `bytes` is a view on the shared memory, nothing was copied, and the memory of a request is
 * **read-only: writing into it, or letting anything write into it, crashes the process** (SIGSEGV).
 * The view is valid until the chunk is released, which happens by itself when the next chunk is
 * asked for. `retain()` keeps it longer, `copy()` makes bytes of your own.
 */
export class Chunk {
  /** Id of the slot in its lane. */
  readonly slot: number;
  readonly #source: ChunkSource | undefined;
  readonly #length: number;
  #bytes: Uint8Array | undefined;
  #retained = false;

  /** @internal Without a source the bytes are private and the slot was released before. */
  constructor(slot: number, bytes: Uint8Array, source: ChunkSource | undefined) {
    this.slot = slot;
    this.#bytes = bytes;
    this.#length = bytes.length;
    this.#source = source;
  }

  /** @throws UploadResponseError DETACHED after the release, and where somebody has transferred the memory
   *  of a view, all of the segment's: byte streams do that with what they are given */
  get bytes(): Uint8Array {
    const bytes = this.#bytes;
    if (bytes?.length === this.#length) return bytes;
    throw new UploadResponseError(
      'DETACHED',
      bytes
        ? 'the memory of a chunk was transferred; transfer a copy()'
        : 'the chunk was released; retain() or copy() it before',
    );
  }

  /** Size in bytes. */
  get length(): number {
    return this.bytes.length;
  }

  /** Whether `retain` was called. */
  get retained(): boolean {
    return this.#retained;
  }

  /** The bytes are the ring's, not this process's own. */
  get shared(): boolean {
    return this.#source !== undefined;
  }

  get released(): boolean {
    return this.#bytes === undefined;
  }

  /** Keeps the chunk when the next one is asked for: `release` is up to the caller then. Until that
   *  the client waits as soon as the ring is full. Returns the chunk. */
  retain(): this {
    this.#retained = true;
    return this;
  }

  /** The bytes in private memory, writable. Valid data only once `release`, or asking for the next
   *  chunk, has not thrown EVICTED. */
  copy(): Uint8Array {
    return this.bytes.slice();
  }

  /** Gives the slot back; chunks may be released in any order. Idempotent.
   *  @throws UploadResponseError EVICTED: drop what was made of the bytes, they may have changed */
  release(): void {
    if (!this.#bytes) return;
    this.#bytes = undefined;
    this.#source?.releaseSlot(this.slot);
  }
}
