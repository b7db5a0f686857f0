import { h264Size } from './h264.js';
import { h265Size } from './h265.js';
import type { VideoSize } from './size.js';

const START_CODE = Buffer.from([0, 0, 1]);

/** From parameter sets as Annex B: the first sequence parameter set that says it. */
export function setsSize(codec: 'h264' | 'h265', sets: Buffer): VideoSize | undefined {
  const read = codec === 'h264' ? h264Size : h265Size;
  for (let at = sets.indexOf(START_CODE); at >= 0; ) {
    const from = at + START_CODE.length;
    const next = sets.indexOf(START_CODE, from);
    const size = read(sets.subarray(from, next < 0 ? sets.length : next));
    if (size) return size;
    at = next;
  }
  return undefined;
}
