// What publishers send: frames that say when they were sent, and access units of them.

const STAMP_BYTES = 8;
const H264 = 0x1b;
export const UNIT_HEAD_BYTES = 30;
/** Frames from one keyframe to the next. */
const GROUP = 50;

export const isKey = (id) => id % GROUP === 0;
export const timeOf = (id, fps) => Math.round((id * 1000) / fps);

/** So many bytes whose last ones say when they were sent: now. */
export function frameOf(bytes) {
  const frame = Buffer.alloc(bytes, 0x41);
  frame.writeBigUInt64LE(process.hrtime.bigint(), bytes - STAMP_BYTES);
  return frame;
}

/** An access unit with its record, for protocols that carry bytes. */
export function unitOf(id, fps, bytes) {
  const data = frameOf(bytes);
  const head = Buffer.alloc(UNIT_HEAD_BYTES);
  head[0] = H264;
  head[1] = isKey(id) ? 1 : 0;
  head.writeBigUInt64BE(BigInt(id), 2);
  for (const at of [10, 18]) head.writeBigInt64BE(BigInt(timeOf(id, fps)), at);
  head.writeUInt32BE(data.length, 26);
  return Buffer.concat([head, data]);
}
