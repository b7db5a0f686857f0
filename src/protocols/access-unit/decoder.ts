import { UploadResponseError } from '../../errors/index.js';
import { ACCESS_UNIT_HEAD_BYTES, type AccessUnitHead, readAccessUnitHead } from './head.js';

/** One access unit. `data` is a view of the chunk if the unit lay in it whole, else memory of its own. */
export interface DecodedUnit extends AccessUnitHead {
  readonly data: Uint8Array;
}

const EMPTY = new Uint8Array(0);
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
/** What is allocated before the data have come: a head alone must not cost `maxBytes`. */
const FIRST_ROOM = 64 * 1024;

/**
 * Decodes access units that arrive in pieces of any size, in linear time; a unit that lies in one chunk
 * is not copied. What is held is at most one unit.
 *
 *     for (const chunk of chunks) for (const unit of decoder.push(chunk)) handle(unit)
 *     decoder.finish()
 */
export class AccessUnitDecoder {
  readonly #maxBytes: number;
  /** A unit that began in an earlier chunk: its bytes so far, with the head. */
  #begun: Uint8Array = EMPTY;
  #filled = 0;
  #error: UploadResponseError | undefined;

  /** `maxBytes`: largest data of one unit. */
  constructor({ maxBytes = DEFAULT_MAX_BYTES }: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held of a unit that is not whole. */
  get bufferedBytes(): number {
    return this.#filled;
  }

  /**
   * The units that this chunk completes. `data` may be views of it: do not reuse the chunk while they
   * are in use.
   * @throws UploadResponseError ACCESS_UNIT_TOO_LARGE, in a call of its own after the units before it,
   *   and then always
   */
  push(chunk: Uint8Array): DecodedUnit[] {
    if (this.#error) throw this.#error;
    const units: DecodedUnit[] = [];
    let at = 0;
    if (this.#filled > 0) {
      at = this.#fill(chunk, 0, ACCESS_UNIT_HEAD_BYTES);
      if (this.#filled < ACCESS_UNIT_HEAD_BYTES) return units;
      const head = this.#head(this.#begun, 0);
      if (!head) throw this.#error;
      at = this.#fill(chunk, at, ACCESS_UNIT_HEAD_BYTES + head.size);
      if (this.#filled < ACCESS_UNIT_HEAD_BYTES + head.size) return units;
      units.push({ ...head, data: this.#begun.subarray(ACCESS_UNIT_HEAD_BYTES, this.#filled) });
      this.#begun = EMPTY;
      this.#filled = 0;
    }
    while (chunk.length - at >= ACCESS_UNIT_HEAD_BYTES) {
      const head = this.#head(chunk, at);
      if (!head && units.length === 0) throw this.#error;
      if (!head) return units;
      const end = at + ACCESS_UNIT_HEAD_BYTES + head.size;
      if (end > chunk.length) break;
      units.push({ ...head, data: chunk.subarray(at + ACCESS_UNIT_HEAD_BYTES, end) });
      at = end;
    }
    this.#fill(chunk, at, chunk.length - at);
    return units;
  }

  /** Says that no more bytes come. @throws UploadResponseError ACCESS_UNIT_TRUNCATED inside of a unit */
  finish(): void {
    if (this.#error) throw this.#error;
    if (this.#filled > 0) throw new UploadResponseError('ACCESS_UNIT_TRUNCATED');
  }

  /** Undefined: the unit is too large, and `#error` says so. */
  #head(bytes: Uint8Array, at: number): AccessUnitHead | undefined {
    const head = readAccessUnitHead(bytes, at);
    if (head.size <= this.#maxBytes) return head;
    this.#error = new UploadResponseError('ACCESS_UNIT_TOO_LARGE', `${head.size} bytes`);
    this.#begun = EMPTY;
    this.#filled = 0;
    return undefined;
  }

  /** Takes from `at` on until `size` bytes of the unit are there. Returns where it stopped. */
  #fill(chunk: Uint8Array, at: number, size: number): number {
    const length = Math.min(size - this.#filled, chunk.length - at);
    if (length <= 0) return at;
    const needed = this.#filled + length;
    if (needed > this.#begun.length) {
      const room = Math.max(needed, Math.min(size, Math.max(FIRST_ROOM, this.#begun.length * 2)));
      const grown = new Uint8Array(room);
      grown.set(this.#begun.subarray(0, this.#filled));
      this.#begun = grown;
    }
    this.#begun.set(chunk.subarray(at, at + length), this.#filled);
    this.#filled = needed;
    return at + length;
  }
}
