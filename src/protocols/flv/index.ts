/** FLV's audio and video data (Adobe, 2010), with Enhanced RTMP v2: H.264, H.265 and AAC as access units. */

export { type AudioConfig, channelsOf, parseAudioConfig, sampleRateOf } from './audio-config.js';
export { type Continuation, MediaAssembler } from './media-assembler.js';
export { parseAvcConfig, parseHevcConfig, type VideoConfig } from './video-config.js';
