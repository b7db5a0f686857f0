import { throwIfError } from '../errors/index.js';
import { Lane, type Segment } from '../ring/index.js';
import { stageLane } from '../ring/stage-lane.js';
import { CacheLane } from './cache-lane.js';
import { type TailSlot, tailSlot } from './tail-slot.js';

/** Name of a lane: `request`, `response`, or a stage of the stream's pool. */
export type LaneName = 'request' | 'response' | (string & {});

/** Lanes of a stream, at most: two and eight stages. */
const LANES = 16;
/** Results of `ownerOf` below this are errors. */
const OWNER_ERRORS = -100;

/** What this process holds of every lane. Methods throw what became of the stream. */
export class LaneTable {
  readonly #segment: Segment;
  readonly #lanes = new Map<number, CacheLane>();

  constructor(segment: Segment) {
    this.#segment = segment;
  }

  /** @throws UploadResponseError UNKNOWN_STAGE, STALE_STREAM */
  index(id: number, name: LaneName): number {
    if (name === 'request') return Lane.request;
    return name === 'response' ? Lane.response : stageLane(this.#segment, id, name);
  }

  named(id: number, name: LaneName): CacheLane {
    return this.at(id, this.index(id, name));
  }

  at(id: number, lane: number): CacheLane {
    const key = id * LANES + lane;
    return (
      this.#lanes.get(key) ??
      new CacheLane(this.#segment, id, lane, (changed) => {
        if (changed.idle) this.#lanes.delete(key);
        else this.#lanes.set(key, changed);
      })
    );
  }

  /** Whether this process reads or writes a lane of the stream. */
  holds(id: number): boolean {
    for (let lane = 0; lane < LANES; lane++) {
      if (this.#lanes.has(id * LANES + lane)) return true;
    }
    return false;
  }

  /** Gives back the place as a reader. */
  unregister(id: number, name: LaneName): void {
    this.named(id, name).unregister();
  }

  /** Gives back everything of a stream. */
  leave(id: number): void {
    for (let key = id * LANES; key < (id + 1) * LANES; key++) {
      this.#lanes.get(key)?.leave();
    }
  }

  last(id: number, lane: number): number {
    return throwIfError(this.#segment.native.lastOf(id, lane));
  }

  owner(id: number, lane: number): number | undefined {
    const owner = this.#segment.native.ownerOf(id, lane);
    if (owner < OWNER_ERRORS) throwIfError(owner - OWNER_ERRORS);
    return owner >= 0 ? owner : undefined;
  }

  readerCount(id: number, lane: number): number {
    return throwIfError(this.#segment.native.readerCount(id, lane));
  }

  async *slots(
    id: number,
    lane: number,
    signal?: AbortSignal,
  ): AsyncGenerator<TailSlot, void, undefined> {
    const reader = this.#segment.join(id, lane, 0);
    try {
      for await (const slot of reader.slots(signal)) {
        yield tailSlot(slot.id, slot.bytes, slot.flags, true);
      }
    } finally {
      reader.leave();
    }
  }
}
