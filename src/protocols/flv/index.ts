/** FLV's audio and video data (Adobe, 2010), with Enhanced RTMP v2: H.264, H.265 and AAC as access units. */

export { type AudioConfig, parseAudioConfig } from './audio-config.js';
export { MediaAssembler } from './media-assembler.js';
export { type FlvTag, isFlv, readFlvTags } from './tag-reader.js';
export { parseAvcConfig, parseHevcConfig, type VideoConfig } from './video-config.js';
