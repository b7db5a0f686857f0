export type { ControlEvent } from '../native/index.js';
export { JoinAt, Lane, SlotFlag, streamIndex, WorkerRole } from './flags.js';
export { RingReader, type Slot } from './ring-reader.js';
export { RingWriter } from './ring-writer.js';
export { Segment, type Waiter } from './segment.js';
