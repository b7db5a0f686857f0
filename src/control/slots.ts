import { ERRORS, throwIfError } from '../errors/index.js';
import { type Segment, SlotFlag } from '../ring/index.js';
import { expectOpen, explain } from './gone.js';
import type { Patience } from './patience.js';

/** What a slot holds: a headers frame, body bytes, trailers, the end, or something for other layers. */
export const SLOT_TYPES = ['headers', 'body', 'trailers', 'end', 'control'] as const;
export type SlotType = (typeof SLOT_TYPES)[number];

/** A private copy of a slot: nobody waits for whoever has it. */
export interface SlotCopy {
  readonly slot: number;
  readonly type: SlotType;
  readonly bytes: Buffer;
  /** Newest slot of the lane. */
  readonly last: number;
}

/** How far a lane has come. */
export interface LaneEnd {
  /** Newest slot, 0 = none. */
  readonly last: number;
  /** The newest slot is the end. */
  readonly ended: boolean;
}

const EMPTY = -ERRORS.EMPTY.number;
const TOO_LARGE = -ERRORS.SLOT_TOO_LARGE.number;
const nothing = new Uint8Array(0);
const meta = new Uint32Array(1);

/** Copies a slot, or says undefined where it has not been written yet.
 *  @throws UploadResponseError LAPPED, UNKNOWN_STREAM, STALE_STREAM */
export function copySlot(
  segment: Segment,
  id: number,
  lane: number,
  slot: number,
): SlotCopy | undefined {
  expectOpen(segment, id);
  const { native, description } = segment;
  const slotSize = description.pools[native.poolOf(id)]?.slotSize ?? 0;
  const room = Buffer.allocUnsafeSlow(slotSize);
  const length = native.copySlot(id, lane, slot, room, meta);
  if (length === EMPTY) return undefined;
  // It may have been closed meanwhile, and its place written by the next stream.
  if (length < 0) expectOpen(segment, id);
  throwIfError(length, `slot ${slot}`);
  const bytes = room.subarray(0, length);
  return { slot, type: typeOf(meta[0] as number), bytes, last: native.lastOf(id, lane) };
}

/**
 * As `copySlot`, but waits for a slot that has not been written yet; undefined when it was not written
 * in time. `check` runs before each look.
 */
export async function awaitSlot(
  segment: Segment,
  id: number,
  lane: number,
  slot: number,
  patience: Patience,
  check: () => void = () => undefined,
): Promise<SlotCopy | undefined> {
  for (;;) {
    check();
    const copy = copySlot(segment, id, lane, slot);
    if (copy) return copy;
    // It will never come.
    if (laneEnd(segment, id, lane).ended) return undefined;
    if (!(await awaitBeyond(segment, id, lane, slot - 1, patience))) return undefined;
  }
}

/** Waits until the lane has a slot beyond `seen`; false when there was none in time.
 *  @throws UploadResponseError what became of the stream or of the lane's writer */
export async function awaitBeyond(
  segment: Segment,
  id: number,
  lane: number,
  seen: number,
  patience: Patience,
): Promise<boolean> {
  try {
    const poll = () => segment.native.watch(id, lane, seen);
    const wait = segment.waitFor(id, poll, patience.signal).then(() => true);
    return (await patience.bounded(wait)) ?? false;
  } catch (error) {
    throw error === patience.signal.reason ? error : explain(segment, id, error);
  }
}

/** @throws UploadResponseError UNKNOWN_STREAM, STALE_STREAM */
export function laneEnd(segment: Segment, id: number, lane: number): LaneEnd {
  expectOpen(segment, id);
  const { native } = segment;
  const last = throwIfError(native.lastOf(id, lane));
  const length = last > 0 ? native.copySlot(id, lane, last, nothing, meta) : TOO_LARGE;
  return { last, ended: length === 0 && ((meta[0] as number) & SlotFlag.end) !== 0 };
}

function typeOf(flags: number): SlotType {
  if (flags & SlotFlag.end) return 'end';
  if (flags & SlotFlag.control) return 'control';
  if (flags & SlotFlag.trailers) return 'trailers';
  return flags & SlotFlag.head ? 'headers' : 'body';
}
