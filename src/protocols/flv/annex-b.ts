import { UploadResponseError } from '../../errors/index.js';
import type { VideoConfig } from './video-config.js';

const START_CODE_BYTES = 4;
const H264_DELIMITER = 9;
const H265_DELIMITER = 35;

/**
 * A frame of length-prefixed NAL units as Annex B, after `room` bytes that the caller fills. `withSets`:
 * with the parameter sets before everything but an access unit delimiter, which has to be the first.
 * Undefined: there is no NAL unit in it.
 * @throws UploadResponseError MEDIA_INVALID: a length points out of the frame
 */
export function toAnnexB(
  frame: Buffer,
  { lengthBytes, sets }: VideoConfig,
  withSets: boolean,
  hevc: boolean,
  room: number,
): Buffer | undefined {
  let size = room + (withSets ? sets.length : 0);
  let units = 0;
  for (let at = 0; at < frame.length; ) {
    const length = nalLength(frame, at, lengthBytes);
    at += lengthBytes + length;
    if (length === 0) continue;
    size += START_CODE_BYTES + length;
    units++;
  }
  if (units === 0) return undefined;
  const unit = Buffer.allocUnsafeSlow(size);
  let to = room;
  let setsDue = withSets;
  for (let at = 0; at < frame.length; ) {
    const length = frame.readUIntBE(at, lengthBytes);
    at += lengthBytes;
    if (length === 0) continue;
    if (setsDue && !isDelimiter(frame[at] as number, hevc)) {
      to += sets.copy(unit, to);
      setsDue = false;
    }
    unit.writeUInt32BE(1, to);
    to += START_CODE_BYTES;
    to += frame.copy(unit, to, at, at + length);
    at += length;
  }
  if (setsDue) sets.copy(unit, to);
  return unit;
}

function nalLength(frame: Buffer, at: number, lengthBytes: number): number {
  const rest = frame.length - at - lengthBytes;
  const length = rest < 0 ? 0 : frame.readUIntBE(at, lengthBytes);
  if (rest < 0 || length > rest) {
    throw new UploadResponseError('MEDIA_INVALID', 'a NAL unit is longer than its frame');
  }
  return length;
}

function isDelimiter(head: number, hevc: boolean): boolean {
  return hevc ? ((head >> 1) & 63) === H265_DELIMITER : (head & 31) === H264_DELIMITER;
}
