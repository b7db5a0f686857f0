/** Bytes before the data of a unit. */
export const ACCESS_UNIT_HEAD_BYTES = 30;

/** What a unit holds: the numbers of MPEG-TS (ISO/IEC 13818-1, table 2-34). The others have none there:
 *  theirs are user private ones. */
export const StreamType = {
  aac: 0x0f,
  h264: 0x1b,
  h265: 0x24,
  opus: 0x9c,
  vp8: 0x9d,
  vp9: 0x9e,
  av1: 0x9f,
} as const;

/** What stands before the data of a unit. */
export interface AccessUnitHead {
  readonly streamType: number;
  /** A decoder can begin here. */
  readonly key: boolean;
  /** Which one of several tracks, 0 to 127, of video and of audio each; 0 where there is one. */
  readonly track: number;
  /** Counts the units of the stream from 0. */
  readonly id: number;
  /** When to decode it, in milliseconds. */
  readonly dts: number;
  /** When to show it, in milliseconds. */
  readonly pts: number;
  /** Length of the data, in bytes. */
  readonly size: number;
}

/** Whether a decoder can begin with this unit. */
export const isKeyframe = (unit: Uint8Array): boolean => ((unit[1] as number) & 1) === 1;

/**
 * Writes `[stream type][key and track][id:8][dts:8][pts:8][length:4]`, big-endian, times in milliseconds,
 * at the beginning of `into`, whose rest is the data.
 */
export function writeAccessUnitHead(
  into: Buffer,
  streamType: number,
  key: boolean,
  id: number,
  dts: number,
  pts: number,
  track = 0,
): void {
  into[0] = streamType;
  into[1] = (track << 1) | (key ? 1 : 0);
  into.writeBigUInt64BE(BigInt(id), 2);
  into.writeBigInt64BE(BigInt(dts), 10);
  into.writeBigInt64BE(BigInt(pts), 18);
  into.writeUInt32BE(into.length - ACCESS_UNIT_HEAD_BYTES, 26);
}

/** The head at `at`, where `ACCESS_UNIT_HEAD_BYTES` bytes must be. The size is what the head says. */
export function readAccessUnitHead(bytes: Uint8Array, at = 0): AccessUnitHead {
  const fields = new DataView(bytes.buffer, bytes.byteOffset + at, ACCESS_UNIT_HEAD_BYTES);
  return {
    streamType: fields.getUint8(0),
    key: (fields.getUint8(1) & 1) === 1,
    track: fields.getUint8(1) >> 1,
    id: Number(fields.getBigUint64(2)),
    dts: Number(fields.getBigInt64(10)),
    pts: Number(fields.getBigInt64(18)),
    size: fields.getUint32(26),
  };
}

/** What a unit is written with; the track is 0 by default. */
export type UnitFields = Omit<AccessUnitHead, 'size' | 'track'> & { readonly track?: number };

/** A unit in memory of its own; `parts` are its data, one after the other. */
export function encodeAccessUnit(
  { streamType, key, id, dts, pts, track }: UnitFields,
  parts: readonly Uint8Array[],
): Buffer {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const unit = Buffer.allocUnsafeSlow(ACCESS_UNIT_HEAD_BYTES + size);
  writeAccessUnitHead(unit, streamType, key, id, dts, pts, track);
  let to = ACCESS_UNIT_HEAD_BYTES;
  for (const part of parts) {
    unit.set(part, to);
    to += part.length;
  }
  return unit;
}
