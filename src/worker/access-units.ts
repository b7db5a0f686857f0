import { UploadResponseError } from '../errors/index.js';
import { ACCESS_UNIT_HEAD_BYTES, readAccessUnitHead } from '../protocols/access-unit/index.js';
import type { Chunk } from './chunk.js';
import type { LaneBody } from './lane-body.js';

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

export interface AccessUnitOptions {
  /** Largest data of one unit, in bytes. Default 16 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A chunk and how many need it: the iteration, and units that are kept. */
class Holding {
  #holders = 1;

  constructor(readonly chunk: Chunk) {}

  keep(): void {
    this.chunk.retain();
    this.#holders++;
  }

  drop(): void {
    if (--this.#holders === 0) this.chunk.release();
  }
}

/**
 * One access unit of a media stream. `data` is a view on the shared memory where the unit lies in one
 * slot, otherwise private memory; both are valid until the next unit is asked for, as a `Chunk` is.
 * `retain()` keeps it longer, `copy()` makes bytes of your own.
 */
export class AccessUnit {
  #data: Uint8Array | undefined;
  #holding: Holding | undefined;
  #retained = false;

  /** @internal Without a holding the data are private. */
  constructor(
    /** As in MPEG-TS: 0x1b H.264, 0x24 H.265, 0x0f AAC, ... */
    readonly streamType: number,
    /** A keyframe. */
    readonly key: boolean,
    /** Which one of several tracks, 0 to 127, of video and of audio each; 0 where there is one. */
    readonly track: number,
    /** Counts the stream's units from 0. */
    readonly id: number,
    /** When to decode it, in milliseconds. */
    readonly dts: number,
    /** When to show it, in milliseconds. */
    readonly pts: number,
    data: Uint8Array,
    holding: Holding | undefined,
  ) {
    this.#data = data;
    this.#holding = holding;
  }

  /** Video: Annex B; AAC: with ADTS headers. @throws UploadResponseError DETACHED after the release */
  get data(): Uint8Array {
    if (this.#data) return this.#data;
    throw new UploadResponseError(
      'DETACHED',
      'the unit was released; retain() or copy() it before',
    );
  }

  get retained(): boolean {
    return this.#retained;
  }

  /** The data lie in the ring. */
  get shared(): boolean {
    return this.#holding !== undefined;
  }

  /** Keeps the unit, and the slot that it lies in, until `release`. Returns the unit. */
  retain(): this {
    if (!this.#retained && this.data) this.#holding?.keep();
    this.#retained = true;
    return this;
  }

  /** The data in private memory. They count once asking for the next unit has not thrown EVICTED. */
  copy(): Uint8Array {
    return this.data.slice();
  }

  /** Gives the unit back. Idempotent. @throws UploadResponseError EVICTED: drop what was made of it */
  release(): void {
    const holding = this.#holding;
    this.#data = undefined;
    this.#holding = undefined;
    if (this.#retained) holding?.drop();
  }
}

/** Pulls bytes from a body, over the borders of slots. */
class Source {
  #holding: Holding | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(readonly body: LaneBody) {}

  /** `length` bytes, in the ring if they lie in one slot; undefined at the end before the first one.
   *  @throws UploadResponseError ACCESS_UNIT_TRUNCATED */
  async take(
    length: number,
    begun: boolean,
  ): Promise<{ bytes: Uint8Array; holding: Holding | undefined } | undefined> {
    while (length > 0 && this.#at === this.#bytes.length) {
      if (await this.#next()) continue;
      if (!begun) return undefined;
      throw new UploadResponseError('ACCESS_UNIT_TRUNCATED');
    }
    if (length <= this.#bytes.length - this.#at) {
      return { bytes: this.#some(length), holding: this.#holding };
    }
    const whole = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const part = this.#some(Math.min(length - filled, this.#bytes.length - this.#at));
      whole.set(part, filled);
      filled += part.length;
      if (filled < length && !(await this.#next())) {
        throw new UploadResponseError('ACCESS_UNIT_TRUNCATED');
      }
    }
    return { bytes: whole, holding: undefined };
  }

  close(): void {
    const holding = this.#holding;
    this.#holding = undefined;
    this.#bytes = new Uint8Array(0);
    this.#at = 0;
    holding?.drop();
  }

  #some(length: number): Uint8Array {
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  async #next(): Promise<boolean> {
    this.close();
    const chunk = await this.body.pull();
    if (!chunk) return false;
    this.#bytes = chunk.bytes;
    this.#holding = chunk.shared ? new Holding(chunk) : undefined;
    return true;
  }
}

/**
 * The access units of a body that a media transport wrote. A unit is released when the next one is
 * asked for, unless it was retained.
 * @throws UploadResponseError ACCESS_UNIT_TRUNCATED, ACCESS_UNIT_TOO_LARGE, and as `LaneBody.pull`
 */
export async function* accessUnits(
  body: LaneBody,
  { maxBytes = DEFAULT_MAX_BYTES }: AccessUnitOptions = {},
): AsyncGenerator<AccessUnit, void, undefined> {
  const source = new Source(body);
  let unit: AccessUnit | undefined;
  try {
    for (;;) {
      const head = await source.take(ACCESS_UNIT_HEAD_BYTES, false);
      if (!head) return;
      const { streamType, key, track, id, dts, pts, size } = readAccessUnitHead(head.bytes);
      if (size > maxBytes) throw new UploadResponseError('ACCESS_UNIT_TOO_LARGE', `${size} bytes`);
      // The fields were copied out: this may go on to the next slot.
      const data = await source.take(size, true);
      if (!data) return;
      unit = new AccessUnit(streamType, key, track, id, dts, pts, data.bytes, data.holding);
      yield unit;
      if (!unit.retained) unit.release();
      unit = undefined;
    }
  } finally {
    if (unit && !unit.retained) unit.release();
    source.close();
  }
}
