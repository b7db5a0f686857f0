/** Access units as media transports write them (docs/access-units.md): 30 bytes of record, then the data. */

export { AccessUnitDecoder, type DecodedUnit } from './decoder.js';
export {
  ACCESS_UNIT_HEAD_BYTES,
  type AccessUnitHead,
  encodeAccessUnit,
  isKeyframe,
  readAccessUnitHead,
  StreamType,
  writeAccessUnitHead,
} from './head.js';
