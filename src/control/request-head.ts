import type { ErrorCode } from '../errors/index.js';
import { decodeHeaders, type RequestHead } from '../protocols/hpks/index.js';
import { Lane, type Segment } from '../ring/index.js';
import { copySlot } from './slots.js';

/** A request's head; undefined where it has been overwritten.
 *  @throws UploadResponseError UNKNOWN_STREAM, STALE_STREAM, an HPKS error */
export function requestHeadOf(segment: Segment, id: number): RequestHead | undefined {
  try {
    const slot = copySlot(segment, id, Lane.request, 1);
    const head = slot && decodeHeaders(slot.bytes).frame.head;
    return head?.kind === 'request' ? head : undefined;
  } catch (error) {
    if ((error as { code?: ErrorCode }).code === 'LAPPED') return undefined;
    throw error;
  }
}
