/** The size of pictures, as their codecs say it. */

export { setsSize } from './annex-b.js';
export { h264Size } from './h264.js';
export { h265Size } from './h265.js';
export type { VideoSize } from './size.js';
export { vp8Size } from './vp8.js';
