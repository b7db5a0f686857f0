import { NalBits } from './bits.js';
import { sizeOf, type VideoSize } from './size.js';

const SPS = 7;
/** Profiles whose parameter sets say how colours are sampled; the others have 4:2:0. */
const WITH_CHROMA = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const MOST_REFERENCES = 255;

/** From a sequence parameter set with its NAL header: ITU-T H.264, section 7.3.2.1.1. Undefined: it is none,
 *  or not valid. */
export function h264Size(nal: Uint8Array): VideoSize | undefined {
  if (((nal[0] ?? 0) & 31) !== SPS) return undefined;
  const bits = new NalBits(nal.subarray(1));
  const profile = bits.take(8);
  bits.skip(16);
  bits.unsigned();
  const chroma = WITH_CHROMA.has(profile) ? takeChroma(bits) : 1;
  bits.unsigned();
  passPictureOrder(bits);
  bits.unsigned();
  bits.skip(1);
  const columns = bits.unsigned() + 1;
  const rows = bits.unsigned() + 1;
  const framesOnly = bits.flag();
  if (!framesOnly) bits.skip(1);
  bits.skip(1);
  const fields = framesOnly ? 1 : 2;
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = (chroma === 1 ? 2 : 1) * fields;
  let width = columns * 16;
  let height = rows * 16 * fields;
  if (bits.flag()) {
    width -= (bits.unsigned() + bits.unsigned()) * cropX;
    height -= (bits.unsigned() + bits.unsigned()) * cropY;
  }
  return bits.failed ? undefined : sizeOf(width, height);
}

/** ChromaArrayType. */
function takeChroma(bits: NalBits): number {
  const format = bits.unsigned();
  const separate = format === 3 && bits.flag();
  bits.unsigned();
  bits.unsigned();
  bits.skip(1);
  if (bits.flag()) {
    const lists = format === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) if (bits.flag()) passScalingList(bits, i < 6 ? 16 : 64);
  }
  return separate ? 0 : format;
}

/** Section 7.3.2.1.1.1. */
function passScalingList(bits: NalBits, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && !bits.failed; i++) {
    if (next !== 0) next = (last + bits.signed() + 256) & 255;
    if (next !== 0) last = next;
  }
}

function passPictureOrder(bits: NalBits): void {
  const type = bits.unsigned();
  if (type === 0) {
    bits.unsigned();
  } else if (type === 1) {
    bits.skip(1);
    bits.signed();
    bits.signed();
    const references = bits.unsigned();
    if (references > MOST_REFERENCES) bits.failed = true;
    for (let i = 0; i < references && !bits.failed; i++) bits.signed();
  }
}
