import { createHash } from 'node:crypto';
import {
  ACCESS_UNIT_HEAD_BYTES,
  StreamType,
  writeAccessUnitHead,
} from '../../../src/protocols/access-unit/index.js';
import { seededBytes } from '../processes/payload.mjs';

/** A frame of 25 a second at 13 Mbit/s. */
export const UNIT_BYTES = 65_536;
/** Frames from one keyframe to the next, and the parameter sets before each, as the clients have them:
 *  rtmp_peer and rtmps-client. */
const GROUP = 16;
const SETS = Buffer.from('0000000167aa0000000168ee', 'hex');
const START_CODE = Buffer.from([0, 0, 0, 1]);

/** SHA-256 of the units that the frames of the RTMP rows become. */
export function digestOfUnits(seed: number, totalBytes: number): string {
  const content = seededBytes(seed);
  const hash = createHash('sha256');
  for (let id = 0; id < totalBytes / UNIT_BYTES; id++) {
    const key = id % GROUP === 0;
    const before = key ? Buffer.concat([SETS, START_CODE]) : START_CODE;
    const unit = Buffer.alloc(UNIT_BYTES);
    before.copy(unit, ACCESS_UNIT_HEAD_BYTES);
    content.copy(unit, ACCESS_UNIT_HEAD_BYTES + before.length);
    writeAccessUnitHead(unit, StreamType.h264, key, id, 0, 0);
    hash.update(unit);
  }
  return hash.digest('hex');
}
