import { throwIfError } from '../errors/index.js';
import type { NativeLaneFeed } from '../native/index.js';

/**
 * The writer of a lane while native code has it: that appends on a thread of its own, and says when it has
 * found the lane full. Who lent it drains and waits for room, and takes it back before anything else is
 * written or the lane is given up.
 */
export class LentWriter {
  constructor(readonly native: NativeLaneFeed) {}

  /** Body bytes that native code took, those that wait for room too. */
  get bytes(): number {
    return this.native.bytes;
  }

  /** Newest published slot id. */
  get last(): number {
    return this.native.last;
  }

  /** Writes what waits for room. False: the lane is full. @throws what became of the stream */
  drain(): boolean {
    return throwIfError(this.native.drain()) === 0;
  }

  /** 1: full and the wake is armed; 0: there is room; negative: an error number. */
  poll(): number {
    return this.native.park();
  }

  /** Workers that gate or pin the next slot, as a bitmap. */
  blockers(): bigint {
    return this.native.blockers();
  }
}
