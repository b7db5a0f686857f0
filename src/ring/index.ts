export type { ControlEvent } from '../native/index.js';
export { JoinAt, Lane, SlotFlag, streamIndex, WorkerRole } from './flags.js';
export { LentWriter } from './lent-writer.js';
export { RingReader, type Slot } from './ring-reader.js';
export { RingWriter } from './ring-writer.js';
export {
  newRtmpReceiver,
  type RtmpContinuation,
  type RtmpEngine,
  type RtmpMedia,
  type RtmpNotice,
  type RtmpReceiver,
  type RtmpTrackRecord,
  startRtmpEngine,
} from './rtmp-engine.js';
export { Segment, type Waiter } from './segment.js';
