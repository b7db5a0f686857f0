/** A lane's writer on loan to native code, which appends from a thread of its own. Native functions take
 *  it as it is; see native/feed/lane_feed.h. */
export interface NativeLaneFeed {
  /** Bytes of the body so far, also after the loan. */
  readonly bytes: number;
  /** Newest published slot id. */
  readonly last: number;
  /** Writes what waits for room. 0: nothing waits any more; 1: the lane is full; or a negative error. */
  drain(): number;
  /** As those of the writer. */
  park(): number;
  blockers(): bigint;
}
