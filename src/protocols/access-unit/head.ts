/** Bytes before the data of a unit. */
export const ACCESS_UNIT_HEAD_BYTES = 30;

/** What a unit holds, by the numbers of MPEG-TS (ISO/IEC 13818-1, table 2-34). */
export const StreamType = { aac: 0x0f, h264: 0x1b, h265: 0x24 } as const;

/** Whether a decoder can begin with this unit. */
export const isKeyframe = (unit: Uint8Array): boolean => unit[1] === 1;

/** What the record of a unit says, its size apart. */
export function unitFacts(unit: Buffer): { streamType: number; key: boolean; dts: number } {
  const streamType = unit[0] as number;
  return { streamType, key: isKeyframe(unit), dts: Number(unit.readBigInt64BE(10)) };
}

/**
 * Writes `[stream type][key][id:8][dts:8][pts:8][length:4]`, big-endian, times in milliseconds, at the
 * beginning of `into`, whose rest is the data.
 */
export function writeAccessUnitHead(
  into: Buffer,
  streamType: number,
  key: boolean,
  id: number,
  dts: number,
  pts: number,
): void {
  into[0] = streamType;
  into[1] = key ? 1 : 0;
  into.writeBigUInt64BE(BigInt(id), 2);
  into.writeBigInt64BE(BigInt(dts), 10);
  into.writeBigInt64BE(BigInt(pts), 18);
  into.writeUInt32BE(into.length - ACCESS_UNIT_HEAD_BYTES, 26);
}
