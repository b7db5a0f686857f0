import { sizeOf, type VideoSize } from './size.js';

/** From a keyframe: RFC 6386, section 9.1. Undefined: it is none. */
export function vp8Size(frame: Uint8Array): VideoSize | undefined {
  const [first = 1, , , a, b, c, width = 0, widthHigh = 0, height = 0, heightHigh = 0] = frame;
  if (first & 1 || a !== 0x9d || b !== 0x01 || c !== 0x2a || frame.length < 10) return undefined;
  return sizeOf(width | ((widthHigh & 63) << 8), height | ((heightHigh & 63) << 8));
}
