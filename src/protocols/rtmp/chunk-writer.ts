/** One chunk stream is enough for what a server says. */
const CHUNK_STREAM = 3;
const CONTROL_STREAM = 2;
const HEAD_BYTES = 12;

/** A message with time 0, cut into chunks of `chunkSize`. */
export function chunks(
  type: number,
  streamId: number,
  payload: Uint8Array,
  chunkSize: number,
  chunkStream = CHUNK_STREAM,
): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = chunkStream;
  head.writeUIntBE(payload.length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(streamId, 8);
  const parts: Uint8Array[] = [head, payload.subarray(0, chunkSize)];
  const next = Buffer.from([0xc0 | chunkStream]);
  for (let at = chunkSize; at < payload.length; at += chunkSize) {
    parts.push(next, payload.subarray(at, at + chunkSize));
  }
  return Buffer.concat(parts);
}

/** A protocol control message; none is longer than a chunk can be. */
export function control(type: number, ...words: readonly number[]): Buffer {
  const payload = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => {
    payload.writeUInt32BE(word >>> 0, i * 4);
  });
  return chunks(type, 0, payload, payload.length, CONTROL_STREAM);
}
