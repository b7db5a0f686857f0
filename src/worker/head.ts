import { UploadResponseError } from '../errors/index.js';
import { decodeHeaders, type Header, type RequestHead } from '../protocols/hpks/index.js';
import { Lane, type Segment, SlotFlag, streamIndex } from '../ring/index.js';

/** Header fields as a worker may give them: pairs, a `Headers` object, or a plain object. */
export type HeadersInput =
  | Iterable<readonly [name: string, value: string]>
  | Readonly<Record<string, string | number | readonly string[]>>;

/** The fields as a list, in order and with duplicates. */
export function headerList(input: HeadersInput | undefined): Header[] {
  if (input === undefined) return [];
  if (Symbol.iterator in input) {
    return Array.from(input as Iterable<Header>, ([name, value]) => [name, String(value)]);
  }
  const list: Header[] = [];
  for (const [name, value] of Object.entries(input)) {
    const values = Array.isArray(value) ? (value as readonly string[]) : [value];
    for (const one of values) list.push([name, String(one)]);
  }
  return list;
}

/** The value of a field, names compared without case; duplicates are joined with a comma. */
export function headerValue(headers: readonly Header[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  let found: string | undefined;
  for (const [key, value] of headers) {
    if (key.toLowerCase() === wanted) found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

let scratch = new Uint8Array(0);
const meta = new Uint32Array(1);

/**
 * The request head of a stream, read without joining it; undefined when the stream has gone or its
 * head is not there any more. `late`: one that is repeated before the newest keyframe will do.
 * @throws UploadResponseError an HPKS error: the head is not valid
 */
export function readRequestHead(
  segment: Segment,
  id: number,
  late = false,
): RequestHead | undefined {
  const first = copyHead(segment, id, 1, SlotFlag.head);
  if (first || !late) return first;
  const keyframe = segment.native.keyframe(id, Lane.request);
  return keyframe > 1 ? copyHead(segment, id, keyframe - 1, SlotFlag.control) : undefined;
}

function copyHead(
  segment: Segment,
  id: number,
  slot: number,
  flag: number,
): RequestHead | undefined {
  const slotSize = slotSizeOf(segment, id);
  if (slotSize > scratch.length) scratch = new Uint8Array(slotSize);
  const length = segment.native.copySlot(id, Lane.request, slot, scratch, meta);
  if (length <= 0 || meta[0] !== flag) return undefined;
  return requestHead(scratch.subarray(0, length));
}

/** Decodes a request's headers frame. @throws UploadResponseError an HPKS error */
export function requestHead(bytes: Uint8Array): RequestHead {
  const { head } = decodeHeaders(bytes).frame;
  if (head.kind !== 'request') {
    throw new UploadResponseError('HPKS_BAD_KIND', 'a request lane begins with a request head');
  }
  return head;
}

function slotSizeOf(segment: Segment, id: number): number {
  const index = streamIndex(id);
  for (const pool of segment.description.pools) {
    if (index >= pool.firstStream && index < pool.firstStream + pool.streams) return pool.slotSize;
  }
  return 0;
}
