import { UploadResponseError } from '../../errors/index.js';

/** Objects and ECMA arrays, without a prototype: keys come from the wire. */
export interface AmfObject {
  [key: string]: AmfValue;
}

/** A date is its milliseconds since 1970; undefined, unsupported and references are null. */
export type AmfValue = number | boolean | string | null | AmfObject | AmfValue[];

const MAX_DEPTH = 16;
const MAX_VALUES = 4096;

const Marker = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  reference: 7,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
} as const;

/**
 * The values that `bytes` holds, one after the other.
 * @throws UploadResponseError AMF_INVALID: cut short, nested too deep, too many values, a type of AMF3
 */
export function readAmf0(bytes: Buffer): AmfValue[] {
  const reader = new Reader(bytes);
  const values: AmfValue[] = [];
  while (!reader.done) values.push(reader.value(0));
  return values;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #values = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): AmfValue {
    if (depth > MAX_DEPTH) throw invalid('it is nested too deep');
    if (++this.#values > MAX_VALUES) throw invalid('it has too many values');
    const marker = this.#bytes[this.#take(1)];
    switch (marker) {
      case Marker.number:
        return this.#bytes.readDoubleBE(this.#take(8));
      case Marker.boolean:
        return this.#bytes[this.#take(1)] !== 0;
      case Marker.string:
        return this.#text(this.#bytes.readUInt16BE(this.#take(2)));
      case Marker.longString:
        return this.#text(this.#bytes.readUInt32BE(this.#take(4)));
      case Marker.object:
        return this.#object(depth);
      case Marker.ecmaArray:
        // The count is a hint; the end marker counts.
        this.#take(4);
        return this.#object(depth);
      case Marker.strictArray:
        return this.#array(depth);
      case Marker.date: {
        const time = this.#bytes.readDoubleBE(this.#take(8));
        this.#take(2);
        return time;
      }
      case Marker.reference:
        this.#take(2);
        return null;
      case Marker.null:
      case Marker.undefined:
      case Marker.unsupported:
        return null;
      default:
        throw invalid(`its type ${marker} is not supported`);
    }
  }

  #object(depth: number): AmfObject {
    const object: AmfObject = Object.create(null);
    for (;;) {
      const key = this.#text(this.#bytes.readUInt16BE(this.#take(2)));
      if (key === '' && this.#bytes[this.#at] === Marker.objectEnd) {
        this.#at++;
        return object;
      }
      object[key] = this.value(depth + 1);
    }
  }

  #array(depth: number): AmfValue[] {
    const count = this.#bytes.readUInt32BE(this.#take(4));
    const values: AmfValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(depth + 1));
    return values;
  }

  #text(length: number): string {
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw invalid('it is cut short');
    this.#at = start + length;
    return start;
  }
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('AMF_INVALID', detail);
}
