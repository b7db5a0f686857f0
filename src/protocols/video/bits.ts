/** Longest part of a NAL unit that is looked at: the fields that are wanted stand near its beginning. */
const MOST_BYTES = 512;

/** Reads the bits of a NAL unit (ITU-T H.264, section 7.2) without its emulation prevention bytes. Past the
 *  end it reads zeros and says so. */
export class NalBits {
  /** Something was read that is not there, or is no number of the format. */
  failed = false;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(nal: Uint8Array) {
    this.#bytes = withoutEmulation(nal.subarray(0, MOST_BYTES));
  }

  /** At most 32 bits. */
  take(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.#bit();
    return value;
  }

  flag(): boolean {
    return this.#bit() === 1;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length * 8) this.failed = true;
  }

  /** ue(v): section 9.1. */
  unsigned(): number {
    let zeros = 0;
    while (this.#bit() === 0) {
      if (this.failed || ++zeros > 31) {
        this.failed = true;
        return 0;
      }
    }
    return 2 ** zeros - 1 + this.take(zeros);
  }

  /** se(v): section 9.1.1. */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  #bit(): number {
    const byte = this.#bytes[this.#at >> 3];
    if (byte === undefined) {
      this.failed = true;
      return 0;
    }
    return (byte >> (7 - (this.#at++ & 7))) & 1;
  }
}

function withoutEmulation(nal: Uint8Array): Buffer {
  const bytes = Buffer.alloc(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}
