/** Bytes of the report behind every answer. */
export const REPORT_BYTES = 512;

/** What a worker says of its request. */
export interface WorkerReport {
  readonly bytes: number;
  /** XXH3-64 of the body. */
  readonly hash: string;
  readonly cpuSeconds: number;
}

/** Takes an answer as it comes: counts it, compares it with what is expected, keeps its end. */
export class Answer {
  /** Without the report. */
  bytes = 0;
  readonly #expected: Uint8Array | undefined;
  readonly #length: number;
  readonly #kept: Buffer;
  #keptBytes = 0;

  /** `length`: of the answer's body. `keep`: its last bytes that are wanted. `expected`: the body, repeated;
   *  undefined: it is not compared. */
  constructor(length: number, keep: number, expected?: Uint8Array) {
    this.#length = length;
    this.#kept = Buffer.alloc(keep + REPORT_BYTES);
    this.#expected = expected;
  }

  add(part: Uint8Array): void {
    if (this.#expected) this.#compare(part, this.#expected);
    const from = this.#length + REPORT_BYTES - this.#kept.length;
    const skip = Math.max(0, from - this.bytes);
    if (skip < part.length) {
      this.#kept.set(part.subarray(skip), this.#keptBytes);
      this.#keptBytes += part.length - skip;
    }
    this.bytes += part.length;
  }

  /** All of it has come. */
  get whole(): boolean {
    return this.bytes >= this.#length + REPORT_BYTES;
  }

  /** The body's bytes that were kept. */
  get kept(): Buffer {
    return this.#kept.subarray(0, -REPORT_BYTES);
  }

  /** @throws when the answer is not whole. */
  report(): WorkerReport {
    if (this.bytes !== this.#length + REPORT_BYTES) {
      throw new Error(`${this.bytes} bytes of ${this.#length + REPORT_BYTES} came back`);
    }
    return JSON.parse(this.#kept.subarray(-REPORT_BYTES).toString()) as WorkerReport;
  }

  #compare(part: Uint8Array, expected: Uint8Array): void {
    const end = Math.min(part.length, this.#length - this.bytes);
    for (let at = 0; at < end; ) {
      const begin = (this.bytes + at) % expected.length;
      const length = Math.min(end - at, expected.length - begin);
      const wanted = expected.subarray(begin, begin + length);
      if (Buffer.compare(part.subarray(at, at + length), wanted) !== 0) {
        throw new Error(`what came back near byte ${this.bytes + at} is not what was sent`);
      }
      at += length;
    }
  }
}
