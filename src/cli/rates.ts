import type { Segment } from '../ring/index.js';
import { Lane } from '../ring/index.js';
import type { Snapshot } from './snapshot.js';

/** Slots that are looked at for each lane and refresh to learn how full slots are. */
const SAMPLED_SLOTS = 4;

/** Bytes per second of one stream; `in` is the request, `out` the response. */
export interface StreamRate {
  readonly in: number;
  readonly out: number;
}

interface Lanes {
  readonly at: number;
  readonly request: number;
  readonly response: number;
}

/**
 * Rates between two snapshots. The segment counts slots, not bytes, so the bytes are those slots
 * times the mean length of the newest ones: exact for full slots, an estimate otherwise.
 */
export class RateMeter {
  #before = new Map<number, Lanes>();
  readonly #scratch: Uint8Array;
  readonly #meta = new Uint32Array(1);

  constructor(readonly segment: Segment) {
    const sizes = segment.description.pools.map((pool) => pool.slotSize);
    this.#scratch = new Uint8Array(Math.max(...sizes));
  }

  /** The rates since the call before, by stream id. */
  measure(snapshot: Snapshot, now: number = performance.now()): Map<number, StreamRate> {
    const rates = new Map<number, StreamRate>();
    const seen = new Map<number, Lanes>();
    for (const stream of snapshot.streams) {
      const request = stream.lanes[Lane.request]?.last ?? 0;
      const response = stream.lanes[Lane.response]?.last ?? 0;
      seen.set(stream.id, { at: now, request, response });
      const before = this.#before.get(stream.id);
      const seconds = before ? (now - before.at) / 1000 : stream.ageMs / 1000;
      const rate = (lane: number, last: number, from: number): number =>
        seconds > 0 && last > from
          ? ((last - from) * this.#meanLength(stream.id, lane, last)) / seconds
          : 0;
      rates.set(stream.id, {
        in: rate(Lane.request, request, before?.request ?? 0),
        out: rate(Lane.response, response, before?.response ?? 0),
      });
    }
    this.#before = seen;
    return rates;
  }

  #meanLength(id: number, lane: number, last: number): number {
    let sum = 0;
    let count = 0;
    for (let slot = last; slot > 0 && slot > last - SAMPLED_SLOTS; slot--) {
      const length = this.segment.native.copySlot(id, lane, slot, this.#scratch, this.#meta);
      if (length <= 0) continue;
      sum += length;
      count++;
    }
    return count === 0 ? 0 : sum / count;
  }
}
