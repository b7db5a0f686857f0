const HEAD_BYTES = 12;
/** A time that does not fit into three bytes stands behind the head of every chunk. */
const EXTENDED = 0xffffff;

/** A message with its time, cut into chunks of `chunkSize`. `timestamp`: milliseconds, 32 bits;
 *  `chunkStream`: 2 to 63. */
export function mediaChunks(
  type: number,
  streamId: number,
  timestamp: number,
  payload: Uint8Array,
  chunkSize: number,
  chunkStream: number,
): Buffer {
  const extended = Buffer.alloc(timestamp < EXTENDED ? 0 : 4);
  if (extended.length > 0) extended.writeUInt32BE(timestamp);
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = chunkStream;
  head.writeUIntBE(Math.min(timestamp, EXTENDED), 1, 3);
  head.writeUIntBE(payload.length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(streamId, 8);
  const parts: Uint8Array[] = [head, extended, payload.subarray(0, chunkSize)];
  const next = Buffer.from([0xc0 | chunkStream]);
  for (let at = chunkSize; at < payload.length; at += chunkSize) {
    parts.push(next, extended, payload.subarray(at, at + chunkSize));
  }
  return Buffer.concat(parts);
}
