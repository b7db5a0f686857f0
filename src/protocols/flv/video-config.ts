import { UploadResponseError } from '../../errors/index.js';

/** What the decoder configuration record of a video track says. */
export interface VideoConfig {
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthBytes: number;
  /** Its parameter sets with start codes, in their order. */
  readonly sets: Buffer;
}

const START_CODE = Buffer.from([0, 0, 0, 1]);
/** The sets stand before every keyframe, and the record in the head; real ones have some hundred bytes. */
const MAX_RECORD_BYTES = 32 * 1024;

/** `avcC`: ISO/IEC 14496-15, section 5.3.3.1. @throws UploadResponseError MEDIA_INVALID */
export function parseAvcConfig(record: Buffer): VideoConfig {
  const fields = new Fields(record, 'avcC');
  if (fields.byte() !== 1) throw fields.broken('its version is not 1');
  fields.skip(3);
  const lengthBytes = nalLength(fields);
  const sets = new Sets(fields);
  sets.take(fields.byte() & 31);
  sets.take(fields.byte());
  return { lengthBytes, sets: sets.bytes() };
}

/** `hvcC`: ISO/IEC 14496-15, section 8.3.3.1. @throws UploadResponseError MEDIA_INVALID */
export function parseHevcConfig(record: Buffer): VideoConfig {
  const fields = new Fields(record, 'hvcC');
  if (fields.byte() !== 1) throw fields.broken('its version is not 1');
  fields.skip(20);
  const lengthBytes = nalLength(fields);
  const sets = new Sets(fields);
  for (let arrays = fields.byte(); arrays > 0; arrays--) {
    fields.skip(1);
    sets.take(fields.word());
  }
  return { lengthBytes, sets: sets.bytes() };
}

function nalLength(fields: Fields): number {
  const lengthBytes = (fields.byte() & 3) + 1;
  if (lengthBytes === 3) throw fields.broken('its NAL lengths have 3 bytes');
  return lengthBytes;
}

class Sets {
  readonly #parts: Buffer[] = [];

  constructor(readonly fields: Fields) {}

  take(count: number): void {
    for (let i = 0; i < count; i++) {
      const set = this.fields.bytes(this.fields.word());
      if (set.length > 0) this.#parts.push(START_CODE, set);
    }
  }

  bytes(): Buffer {
    if (this.#parts.length === 0) throw this.fields.broken('it has no parameter sets');
    return Buffer.concat(this.#parts);
  }
}

class Fields {
  #at = 0;

  constructor(
    readonly record: Buffer,
    readonly name: string,
  ) {
    if (record.length > MAX_RECORD_BYTES) throw this.broken(`it has ${record.length} bytes`);
  }

  byte(): number {
    return this.bytes(1)[0] as number;
  }

  word(): number {
    return this.bytes(2).readUInt16BE(0);
  }

  skip(count: number): void {
    this.bytes(count);
  }

  bytes(count: number): Buffer {
    if (count > this.record.length - this.#at) throw this.broken('it is cut short');
    this.#at += count;
    return this.record.subarray(this.#at - count, this.#at);
  }

  broken(detail: string): UploadResponseError {
    return new UploadResponseError('MEDIA_INVALID', `${this.name}: ${detail}`);
  }
}
