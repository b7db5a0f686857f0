/** Frees memory now instead of at the next garbage collection; all of an ArrayBuffer. */
export type Free = (bytes: Uint8Array) => void;

/**
 * The buffers that a connection's socket is read into: the chunks of its streams are parts of them. When
 * all parts of one have been used its memory is freed, so that the socket is read into warm memory again
 * and the heap does not fill with 64 KB buffers: see `RingWriter.tryAppendOwned`.
 */
export class ReadMemory {
  #buffer: ArrayBufferLike | undefined;
  #kept = false;
  #free: Free | undefined;

  /** A chunk has come. Node is through with the buffer before this one's. */
  saw({ buffer }: Buffer): void {
    if (buffer === this.#buffer) return;
    if (this.#buffer && !this.#kept) this.#free?.(new Uint8Array(this.#buffer));
    this.#buffer = buffer;
    this.#kept = false;
    this.#free = undefined;
  }

  /** Somebody may still look at a part of what was read last. */
  keep(): void {
    this.#kept = true;
  }

  /** A part of what was read last was used by whoever can free it. */
  used(free: Free): void {
    this.#free = free;
  }
}
