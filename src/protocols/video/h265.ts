import { NalBits } from './bits.js';
import { sizeOf, type VideoSize } from './size.js';

const SPS = 33;
const NAL_HEADER_BYTES = 2;
/** Bits of `profile_tier_level`: of the profile alone, and of the level. */
const PROFILE_BITS = 88;
const LEVEL_BITS = 8;

/** From a sequence parameter set with its NAL header: ITU-T H.265, section 7.3.2.2. Undefined: it is none,
 *  or not valid. */
export function h265Size(nal: Uint8Array): VideoSize | undefined {
  if ((((nal[0] ?? 0) >> 1) & 63) !== SPS) return undefined;
  const bits = new NalBits(nal.subarray(NAL_HEADER_BYTES));
  bits.skip(4);
  const layers = bits.take(3);
  bits.skip(1);
  passProfile(bits, layers);
  bits.unsigned();
  const format = bits.unsigned();
  const separate = format === 3 && bits.flag();
  const chroma = separate ? 0 : format;
  let width = bits.unsigned();
  let height = bits.unsigned();
  if (bits.flag()) {
    const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
    const cropY = chroma === 1 ? 2 : 1;
    width -= (bits.unsigned() + bits.unsigned()) * cropX;
    height -= (bits.unsigned() + bits.unsigned()) * cropY;
  }
  return bits.failed ? undefined : sizeOf(width, height);
}

/** Section 7.3.3. */
function passProfile(bits: NalBits, layers: number): void {
  bits.skip(PROFILE_BITS + LEVEL_BITS);
  if (layers === 0) return;
  const present: [profile: boolean, level: boolean][] = [];
  for (let i = 0; i < layers; i++) present.push([bits.flag(), bits.flag()]);
  bits.skip(2 * (8 - layers));
  for (const [profile, level] of present) {
    bits.skip((profile ? PROFILE_BITS : 0) + (level ? LEVEL_BITS : 0));
  }
}
