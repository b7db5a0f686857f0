/** AMF0: Action Message Format 0 (Adobe, 2007), as RTMP's commands and FLV's script data use it. */

export { type AmfObject, type AmfValue, readAmf0 } from './reader.js';
export { writeAmf0 } from './writer.js';
