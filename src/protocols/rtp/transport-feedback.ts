import { distance } from './sequence.js';

/** What the sender is told of its packets (draft-holmer-rmcat-transport-wide-cc-extensions-01). */
export interface TransportArrivals {
  /** The sequence number of the first packet, 16 bits. */
  readonly base: number;
  /** How many feedbacks there were before this one, 8 bits. */
  readonly count: number;
  /** When each packet came, in 1/4 ms, one after the other; undefined: it did not. At least one has come,
   *  and none more than 8 seconds before or after the one before it. */
  readonly arrivals: readonly (number | undefined)[];
}

/** Often enough for senders to see a queue grow. */
const INTERVAL_MS = 50;
/** Packets of one feedback that have come: it is small then, however many are missing between them. */
const MAX_ARRIVALS = 64;
/** What 16 bits hold, with a sign. */
const MAX_DELTA = 0x7fff;
/** Numbers that jump further are not followed: the sender has begun again, or means harm. */
const MAX_GAP = 1024;
/** Packets that come so late are not told any more. */
const MAX_LATE = 512;

/** Notes when the packets of all tracks came, by the sequence numbers that they share. */
export class TransportLog {
  /** By number without wraps. Those that were told stay for a time: late ones are told with them. */
  readonly #arrivals = new Map<number, number>();
  #highest: number | undefined;
  /** The first number that is to be told. */
  #next = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  arrived(sequence: number, nowMs: number): void {
    this.#highest ??= this.#next = sequence;
    const number = this.#highest + distance(this.#highest, sequence, 16);
    if (Math.abs(number - this.#highest) > MAX_GAP) {
      this.#arrivals.clear();
      this.#highest = number;
      this.#next = number;
    }
    if (this.#arrivals.has(number) || number < this.#next - MAX_LATE) return;
    this.#arrivals.set(number, Math.round(nowMs * 4));
    this.#highest = Math.max(this.#highest, number);
    this.#next = Math.min(this.#next, number);
  }

  /** What is to be told now, if anything is. It counts as told. */
  take(nowMs: number): TransportArrivals | undefined {
    if (this.#highest === undefined || this.#next > this.#highest) return undefined;
    if (nowMs - this.#toldAtMs < INTERVAL_MS) return undefined;
    const base = this.#next;
    const arrivals = this.#from(base, this.#highest);
    this.#next = base + arrivals.length;
    for (const number of this.#arrivals.keys()) {
      if (number < this.#next - MAX_LATE) this.#arrivals.delete(number);
    }
    // What is left follows at once.
    if (this.#next > this.#highest) this.#toldAtMs = nowMs;
    return { base: base & 0xffff, count: this.#count++ & 0xff, arrivals };
  }

  #from(base: number, highest: number): (number | undefined)[] {
    const found: (number | undefined)[] = [];
    let previous: number | undefined;
    let missing = 0;
    for (let number = base, some = 0; number <= highest && some < MAX_ARRIVALS; number++) {
      const at = this.#arrivals.get(number);
      if (at === undefined) {
        missing++;
        continue;
      }
      if (previous !== undefined && Math.abs(at - previous) > MAX_DELTA) break;
      for (; missing > 0; missing--) found.push(undefined);
      found.push(at);
      previous = at;
      some++;
    }
    return found;
  }
}

/** Packet statuses, section 3.1.1. */
const MISSING = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
/** 1/4 ms in the unit of the reference time: 64 ms. */
const REFERENCE = 256;
/** What 13 bits hold. */
const MAX_RUN = 0x1fff;

/** The body of such a feedback behind both sources, padded to 32 bits. */
export function transportFeedbackBody({ base, count, arrivals }: TransportArrivals): Buffer {
  const first = arrivals.find((at) => at !== undefined) ?? 0;
  const reference = Math.floor(first / REFERENCE);
  const symbols: number[] = [];
  const deltas: number[] = [];
  let previous = reference * REFERENCE;
  for (const at of arrivals) {
    if (at === undefined) {
      symbols.push(MISSING);
      continue;
    }
    const delta = at - previous;
    previous = at;
    const isSmall = delta >= 0 && delta <= 0xff;
    symbols.push(isSmall ? SMALL_DELTA : LARGE_DELTA);
    if (isSmall) deltas.push(delta);
    else deltas.push((delta >> 8) & 0xff, delta & 0xff);
  }
  const chunks = chunksOf(symbols);
  const body = Buffer.alloc(Math.ceil((8 + 2 * chunks.length + deltas.length) / 4) * 4);
  body.writeUInt16BE(base, 0);
  body.writeUInt16BE(arrivals.length, 2);
  body.writeUIntBE(reference % 2 ** 24, 4, 3);
  body[7] = count;
  for (const [index, chunk] of chunks.entries()) body.writeUInt16BE(chunk, 8 + 2 * index);
  body.set(deltas, 8 + 2 * chunks.length);
  return body;
}

/** Statuses as runs of one of them, 14 of one bit, or 7 of two bits: sections 3.1.3 and 3.1.4. */
function chunksOf(symbols: readonly number[]): number[] {
  const chunks: number[] = [];
  for (let at = 0; at < symbols.length; ) {
    const symbol = symbols[at] as number;
    let run = 1;
    while (run < MAX_RUN && symbols[at + run] === symbol) run++;
    const next = symbols.slice(at, at + 14);
    const fitsOneBit = !next.includes(LARGE_DELTA);
    if (run >= next.length || (run >= 7 && !fitsOneBit)) {
      chunks.push((symbol << 13) | run);
      at += run;
    } else {
      const bits = fitsOneBit ? 1 : 2;
      const some = next.slice(0, 14 / bits);
      const value = some.reduce((sum, one, index) => sum | (one << (14 - bits * (index + 1))), 0);
      chunks.push(0x8000 | ((bits - 1) << 14) | value);
      at += some.length;
    }
  }
  return chunks;
}
