import { decodeHeaders, type Head, type Header } from '../protocols/hpks/index.js';
import { SlotFlag } from '../ring/index.js';

/** One slot as `tail*` returns it; `slot` is its id in the lane, counted from 1. */
export type TailSlot =
  | { readonly type: 'headers'; readonly slot: number; readonly head: Head }
  | { readonly type: 'body'; readonly slot: number; readonly bytes: Uint8Array }
  | { readonly type: 'trailers'; readonly slot: number; readonly headers: readonly Header[] }
  /** Out of band: never part of the body. */
  | { readonly type: 'control'; readonly slot: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly slot: number };

/** What a slot of the ring is. `shared`: other processes can still write `bytes`.
 *  @throws UploadResponseError an HPKS error */
export function tailSlot(
  slot: number,
  bytes: Uint8Array,
  flags: number,
  shared: boolean,
): TailSlot {
  if (flags & SlotFlag.end) return { type: 'end', slot };
  if (flags & (SlotFlag.head | SlotFlag.trailers)) {
    const { head } = decodeHeaders(shared ? bytes.slice() : bytes).frame;
    if (flags & SlotFlag.head) return { type: 'headers', slot, head };
    return { type: 'trailers', slot, headers: head.headers };
  }
  return { type: flags & SlotFlag.control ? 'control' : 'body', slot, bytes };
}
