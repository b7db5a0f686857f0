import { type ErrorCode, UploadResponseError } from '../../errors/index.js';
import {
  BYTE_CLASSES,
  ByteClass,
  FIELD_CLASS,
  FIELD_ERROR,
  Field,
  FORMAT_VERSION,
  FrameType,
  HPK1_MAGIC,
  HPKS_MAGIC,
  Kind,
} from './fields.js';
import { type HttpVersion, MAX_HEADERS, type ResolvedLimits } from './types.js';

/** Where the scanner stands: before the fields, in the status, in the fields, behind the frame. */
const Step = { fixed: 0, status: 1, fields: 2, done: 3 } as const;
type Step = (typeof Step)[keyof typeof Step];

/**
 * Validates one frame or message byte by byte and notes where its parts lie. It can stop at any byte
 * and go on later, looks at each byte once, and refuses the first byte that no valid frame could have
 * there: so decoding a prefix, a whole frame, or a frame fed in pieces gives the same error.
 *
 * All positions count from the frame's first byte.
 */
export class Scanner {
  type = 0;
  kind = 0;
  version: HttpVersion = 1;
  status = 0;
  /** Start and end of each part of the head that has a length, in order; `partCount` pairs are valid. */
  readonly parts: number[] = [];
  partCount = 0;
  bodyStart = 0;
  bodyEnd = 0;
  /** Bytes seen; the frame's size when `scan` has answered true. */
  position = 0;

  readonly #message: boolean;
  readonly #limits: ResolvedLimits;
  #step: Step = Step.fixed;
  #field: number = Field.method;
  #inside = false;
  #fieldStart = 0;
  #fieldEnd = 0;
  #headersLeft = 0;
  #varint = 0;
  #varintScale = 1;
  #varintBytes = 0;

  /** @param message HPK1 instead of HPKS */
  constructor(message: boolean, limits: ResolvedLimits) {
    this.#message = message;
    this.#limits = limits;
  }

  /** Makes ready for another frame. */
  reset(): void {
    this.position = 0;
    this.partCount = 0;
    this.#step = Step.fixed;
    this.#inside = false;
  }

  /** Goes on over `bytes[base..end)`, where `base` is the frame's first byte; true if it is whole.
   *  @throws UploadResponseError an HPKS error; the scanner is of no use afterwards */
  scan(bytes: Uint8Array, base: number, end: number): boolean {
    const size = end - base;
    while (this.#step < Step.fields) {
      if (this.position >= size) return false;
      const byte = bytes[base + this.position] as number;
      if (this.#step === Step.status) this.#statusByte(byte);
      else if (this.#message) this.#messageByte(this.position, byte);
      else this.#frameByte(this.position, byte);
      this.position++;
    }
    while (this.#step === Step.fields) {
      if (!this.#inside && !this.#enter(bytes, base, size)) return false;
      if (this.#inside && !this.#pass(bytes, base, size)) return false;
    }
    return true;
  }

  /** The bytes of fixed place of HPKS: magic, version, type, stream id, then by type. */
  #frameByte(at: number, byte: number): void {
    if (at < 4) this.#expect(byte === HPKS_MAGIC[at], 'HPKS_BAD_MAGIC');
    else if (at === 4) this.#expect(byte === FORMAT_VERSION, 'HPKS_BAD_VERSION');
    else if (at === 5) {
      this.#expect(byte >= FrameType.headers && byte <= FrameType.end, 'HPKS_BAD_FRAME_TYPE');
      this.type = byte;
    } else if (at === 13 && this.type === FrameType.body) this.#goTo(Field.body);
    else if (at === 14) {
      if (this.type === FrameType.headers) this.#kindByte(byte);
      else {
        this.#expect(byte === 0, 'HPKS_BAD_END_FLAGS');
        this.#step = Step.done;
      }
    } else if (at === 15) this.#versionByte(byte);
  }

  /** The same for HPK1: magic, version, kind, HTTP version. */
  #messageByte(at: number, byte: number): void {
    if (at < 4) this.#expect(byte === HPK1_MAGIC[at], 'HPKS_BAD_MAGIC');
    else if (at === 4) this.#expect(byte === FORMAT_VERSION, 'HPKS_BAD_VERSION');
    else if (at === 5) this.#kindByte(byte);
    else this.#versionByte(byte);
  }

  #kindByte(byte: number): void {
    this.#expect(byte === Kind.request || byte === Kind.response, 'HPKS_BAD_KIND');
    this.kind = byte;
  }

  #versionByte(byte: number): void {
    this.#expect(byte >= 1 && byte <= 3, 'HPKS_BAD_HTTP_VERSION');
    this.version = byte as HttpVersion;
    this.status = -1;
    if (this.kind === Kind.request) this.#goTo(Field.method);
    else this.#step = Step.status;
  }

  #statusByte(byte: number): void {
    if (this.status < 0) {
      this.#expect(byte <= 999 >> 8, 'HPKS_BAD_STATUS');
      this.status = byte;
      return;
    }
    this.status = this.status * 256 + byte;
    this.#expect(this.status >= 100 && this.status <= 999, 'HPKS_BAD_STATUS');
    this.#goTo(Field.headerCount);
  }

  #goTo(field: number): void {
    this.#step = Step.fields;
    this.#field = field;
  }

  /** Reads the varint before a field and enters the field; false if more bytes are needed. */
  #enter(bytes: Uint8Array, base: number, size: number): boolean {
    const length = this.#readVarint(bytes, base, size);
    if (length < 0) return false;
    const field = this.#field;
    const room = this.#limits.maxFrameBytes - this.position;
    if (field === Field.headerCount) {
      this.#expect(length <= MAX_HEADERS, 'HPKS_TOO_MANY_HEADERS');
      // A header takes at least the bytes of its two lengths.
      this.#expect(length * 2 <= room, 'HPKS_TOO_LONG');
      this.#headersLeft = length;
      this.#nextHeader();
      return true;
    }
    this.#expect(length <= room, 'HPKS_TOO_LONG');
    if (field === Field.body) {
      this.bodyStart = this.position;
    } else {
      this.#expect(length <= this.#limits.maxFieldBytes, 'HPKS_TOO_LONG');
      if (length === 0) {
        this.#expect(
          field !== Field.method && field !== Field.name,
          FIELD_ERROR[field] as ErrorCode,
        );
      }
    }
    this.#fieldStart = this.position;
    this.#fieldEnd = this.position + length;
    this.#inside = true;
    return true;
  }

  /** Checks the bytes of the field that are there; false if more are needed. */
  #pass(bytes: Uint8Array, base: number, size: number): boolean {
    const field = this.#field;
    const stop = Math.min(this.#fieldEnd, size);
    const mask = FIELD_CLASS[field] as number;
    if (mask !== 0) {
      for (let at = this.position; at < stop; at++) {
        if (((BYTE_CLASSES[bytes[base + at] as number] as number) & mask) === 0)
          this.#refuse(field, at);
      }
      if (field === Field.scheme && this.position === this.#fieldStart && stop > this.position) {
        const first = BYTE_CLASSES[bytes[base + this.position] as number] as number;
        if ((first & ByteClass.alpha) === 0) this.#refuse(field, this.position);
      }
    }
    this.position = stop;
    if (stop < this.#fieldEnd) return false;
    this.#leave(field);
    return true;
  }

  #leave(field: number): void {
    this.#inside = false;
    if (field === Field.body) {
      this.bodyEnd = this.#fieldEnd;
      this.#step = Step.done;
      return;
    }
    this.parts[this.partCount * 2] = this.#fieldStart;
    this.parts[this.partCount * 2 + 1] = this.#fieldEnd;
    this.partCount++;
    if (field === Field.value) this.#nextHeader();
    else this.#field = field + 1;
  }

  #nextHeader(): void {
    if (this.#headersLeft > 0) {
      this.#headersLeft--;
      this.#field = Field.name;
    } else if (this.#message) this.#field = Field.body;
    else this.#step = Step.done;
  }

  /** The next varint, or -1 if it is not whole yet. Above 2^53 it is inexact, and above all limits. */
  #readVarint(bytes: Uint8Array, base: number, size: number): number {
    while (this.position < size) {
      const byte = bytes[base + this.position] as number;
      if (this.#varintBytes === 9) this.#expect(byte <= 1, 'HPKS_VARINT_OVERFLOW');
      this.position++;
      if (byte < 0x80) {
        const value = this.#varint + byte * this.#varintScale;
        this.#varint = 0;
        this.#varintScale = 1;
        this.#varintBytes = 0;
        return value;
      }
      this.#varint += (byte & 0x7f) * this.#varintScale;
      this.#varintScale *= 128;
      this.#varintBytes++;
    }
    return -1;
  }

  #expect(holds: boolean, code: ErrorCode): void {
    if (!holds) throw new UploadResponseError(code, `byte ${this.position}`);
  }

  #refuse(field: number, at: number): never {
    throw new UploadResponseError(FIELD_ERROR[field] as ErrorCode, `byte ${at}`);
  }
}
