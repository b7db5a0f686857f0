// Ages of stamped bodies: a body begins with the CLOCK_MONOTONIC time at which it was sent, in ns. The
// clock is the same in every process of a machine.

const STAMP_BYTES = 8;

/** Writes the time now to the beginning of `bytes`. */
export function stamp(bytes) {
  bytes.writeBigUInt64LE(process.hrtime.bigint(), 0);
}

export class Ages {
  #ns = [];

  /** The first bytes of a stamped body have been seen. */
  add(bytes) {
    const now = process.hrtime.bigint();
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.length >= STAMP_BYTES) this.#ns.push(Number(now - view.readBigUInt64LE(0)));
  }

  /** All ages since the last call, in ns. */
  take() {
    const ns = this.#ns;
    this.#ns = [];
    return { ns };
  }
}
