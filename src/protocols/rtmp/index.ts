/** RTMP 1.0 (Adobe, 2012): handshake and chunk stream, bytes in, messages out. */

export { ChunkReader, MessageType, type RtmpMessage } from './chunk-reader.js';
export { chunks, control } from './chunk-writer.js';
export { answerHandshake, HANDSHAKE_BYTES } from './handshake.js';
export { mediaChunks } from './media-chunks.js';
