/** Access units as media transports write them: 30 bytes of record, then the data. */

export {
  ACCESS_UNIT_HEAD_BYTES,
  isKeyframe,
  StreamType,
  unitFacts,
  writeAccessUnitHead,
} from './head.js';
