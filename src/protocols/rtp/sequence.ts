/** The signed distance from `from` to `to` on a circle of 2^bits values. */
export function distance(from: number, to: number, bits: 16 | 32): number {
  const shift = 32 - bits;
  return ((to - from) << shift) >> shift;
}

/** Counts a value that wraps on without end: what comes next is the nearest to the last one. */
export class Unwrapper {
  #last: number | undefined;

  constructor(readonly bits: 16 | 32) {}

  /** The value without wraps. It may be below 0 where the first ones came out of order. */
  unwrap(value: number): number {
    const last = this.#last ?? value;
    this.#last = last + distance(last, value, this.bits);
    return this.#last;
  }
}

/** Where a packet stands. `extended` counts beyond 16 bits, and goes on over restarts. */
export interface Place {
  /**
   * `next`: the newest so far; `late`: older than the newest; `suspect`: too far away to be believed, to
   * be dropped; `restart`: follows a suspect, so the sender has begun again.
   */
  readonly kind: 'next' | 'late' | 'suspect' | 'restart';
  readonly extended: number;
}

/** Packets that may be missing in a row: MAX_DROPOUT of RFC 3550 A.1. */
const MAX_DROPOUT = 3000;
/** A late packet is at most so far behind. RFC 3550 has 100; retransmissions come later than that. */
const MAX_LATE = 8192;
/** When nothing new has come for so long, late packets may be those of a sender that began again. */
const SILENCE_MS = 2000;

/** Orders the packets of one source by their sequence numbers, after RFC 3550 A.1. */
export class SequenceTracker {
  #highest: number | undefined;
  #highestAtMs = 0;
  /** What a sender that began again would send next, 16 bits. */
  #restartAt = -1;
  #isRenewed = false;

  /** Another source goes on: its first packet is a restart, wherever it stands. */
  renew(): void {
    this.#isRenewed = true;
  }

  place(sequence: number, nowMs: number): Place {
    const highest = this.#highest;
    if (highest === undefined) return this.#advance('next', sequence, nowMs);
    if (this.#isRenewed) this.#restartAt = sequence;
    else {
      const near = this.#near(highest, sequence, nowMs);
      if (near) return near;
    }
    if (sequence === this.#restartAt) {
      // Above everything so far, so that extended numbers never come twice.
      const above = highest + 65_536;
      return this.#advance('restart', above + distance(above, sequence, 16), nowMs);
    }
    this.#restartAt = (sequence + 1) & 0xffff;
    return { kind: 'suspect', extended: highest + distance(highest, sequence, 16) };
  }

  #near(highest: number, sequence: number, nowMs: number): Place | undefined {
    const delta = distance(highest, sequence, 16);
    const extended = highest + delta;
    if (delta > 0 && delta < MAX_DROPOUT) return this.#advance('next', extended, nowMs);
    const isLate = delta <= 0 && delta > -MAX_LATE && nowMs - this.#highestAtMs < SILENCE_MS;
    return isLate ? { kind: 'late', extended } : undefined;
  }

  #advance(kind: 'next' | 'restart', extended: number, nowMs: number): Place {
    this.#highest = extended;
    this.#highestAtMs = nowMs;
    this.#restartAt = -1;
    this.#isRenewed = false;
    return { kind, extended };
  }
}
