/**
 * The typed face of the native addon. Only `src/native` may load it and only `src/ring` calls it.
 *
 * Conventions: an `int` result is >= 0 on success and a negative error number (see `errors.json`)
 * otherwise; nothing on the hot path throws. Slot ids count from 1. Stream ids are
 * `generation * 65536 + index`, at most 2^48. A *window* is one ArrayBuffer over a part of the
 * mapping (at most 2 GiB and one slot long); a slot never crosses a window's end.
 */

import type { ControlEvent } from './control-event.js';
import type { NativeLaneFeed } from './lane-feed.js';
import type { NativeRtmpEngine, NativeRtmpReceiver } from './rtmp.js';
import type { NativeSrt } from './srt.js';
import type { LaneInfo, ReaderInfo, StreamInfo, WorkerInfo } from './views.js';

/** Geometry of one pool. Sizes in bytes, counts in slots or streams. */
export interface PoolOptions {
  readonly name: string;
  readonly streams: number;
  /** 1024 .. 2 MiB */
  readonly slotSize: number;
  readonly requestSlots: number;
  readonly responseSlots: number;
  /** Slots of each stage lane; ignored without stages. */
  readonly stageSlots: number;
  readonly stages: readonly string[];
  /** Gating readers that one lane takes at once. */
  readonly readersPerLane: number;
}

export interface SegmentOptions {
  readonly pools: readonly PoolOptions[];
  /** 1 .. 63, the server included. */
  readonly maxWorkers: number;
  /** Names of the observers without whose verdict no response passes (at most 8). */
  readonly requiredObservers: readonly string[];
  /** `fixed`: everything is allocated and touched at start. `elastic`: see `warmStreams`. */
  readonly memory: 'fixed' | 'elastic';
  /** Elastic: closed streams per pool that keep their memory. */
  readonly warmStreams: number;
}

export interface CreateOptions extends SegmentOptions {
  /** Path of the control socket. */
  readonly socket: string;
  /** Name of the server's own row. */
  readonly name: string;
  /** Other ingress processes may attach, and one of them goes on when this one ends. Default false. */
  readonly resumable?: boolean | undefined;
}

export interface AttachOptions {
  readonly socket: string;
  readonly name: string;
  /** Bits: 2 responder, 4 observer, 8 monitor (maps everything read-only, has no row); or 1, another
   *  ingress of a resumable segment. */
  readonly role: number;
  /** Name of the required observer that this worker is, or ''. */
  readonly observer: string;
  readonly capacity: number;
}

/** What a geometry costs and what the machine has, in bytes. */
export interface GeometryPlan {
  readonly totalBytes: number;
  readonly controlBytes: number;
  readonly dataBytes: number;
  /** Bytes that must be there at start: `totalBytes`, or the warm part when elastic. */
  readonly startBytes: number;
  readonly availableBytes: number;
}

export interface MachineInfo {
  readonly memoryAvailable: number;
  readonly memoryTotal: number;
  /** Infinity without a limit. */
  readonly cgroupLimit: number;
  readonly cgroupUsed: number;
  readonly l2CacheBytes: number;
  readonly l3CacheBytes: number;
  readonly cpus: number;
}

export interface PoolDescription extends PoolOptions {
  readonly index: number;
  readonly firstStream: number;
}

export interface SegmentDescription {
  readonly bootId: string;
  readonly totalBytes: number;
  readonly abiMajor: number;
  readonly abiMinor: number;
  readonly serverPid: number;
  readonly maxWorkers: number;
  readonly streamCount: number;
  readonly pools: readonly PoolDescription[];
  readonly requiredObservers: readonly string[];
}

export type { LaneInfo, ReaderInfo, StreamInfo, WorkerInfo };

/** The single writer of a lane. Not thread-safe; one JavaScript object per claim. */
export interface NativeWriter {
  /** Newest published slot id. */
  readonly last: number;
  /** Slots of the lane. */
  readonly slots: number;
  readonly slotSize: number;
  /**
   * Copies `bytes[start..]` into the open slot, publishing every slot that becomes full. Returns the
   * bytes taken, which is less than offered when the lane is full or pinned, or a negative error.
   * `free`: when all of it was taken, and `bytes` is all of its ArrayBuffer, that is detached and its
   * memory freed at once.
   */
  append(bytes: Uint8Array, start: number, free: boolean): number;
  /** Publishes the open slot if it holds anything. Returns 0 or a negative error. */
  flush(): number;
  /** Publishes one slot with `flags` (flushes the open slot first). 0, or -FULL / -PINNED / error. */
  write(bytes: Uint8Array, flags: number): number;
  /**
   * Reserves the next slot for filling in place; `at` receives [window, offset, capacity].
   * 0, or -FULL / -PINNED / error. Nothing is visible before `commit`.
   */
  reserve(at: Uint32Array): number;
  commit(length: number, flags: number): number;
  /** Flushes, repeats the head (an HPKS frame) in a control slot, and marks the slot that follows as one
   *  that a late reader can begin with. 0, or -FULL / -PINNED (not marked: again) / error. */
  beginKeyframe(head: Uint8Array | undefined): number;
  /** Publishes the end slot. 0, or -FULL / -PINNED / error. */
  end(): number;
  /** Asks to be woken when a slot may be free. 1: still full, sleep; 0: there is room now. */
  park(): number;
  /** Worker indexes that gate or pin the next slot (a bitmap): who is slow. */
  blockers(): bigint;
  /** Claim holder only: gives up with an error number; readers of the lane are told. */
  fail(code: number): number;
  /** Claim holder only: gives the claim back (unpublished bytes are dropped). */
  release(): number;
  /**
   * Lends the writer: until `takeBack` nothing here writes, waits or is released. `head` is repeated
   * before keyframes, and `limit` bytes of the body may come. Throws.
   */
  lend(head: Uint8Array | undefined, limit: number): NativeLaneFeed;
  /** No borrower touches the lane any more once it has returned; what waited for room is dropped.
   *  Idempotent. */
  takeBack(): void;
}

/** A gating reader of a lane: what it has not acknowledged is never overwritten. */
export interface NativeReader {
  /** Newest published slot id. */
  readonly last: number;
  /** Id of the last slot that `tail` returned. */
  readonly position: number;
  readonly cursor: number;
  /** Slots lost by joining late. */
  readonly gap: number;
  /**
   * Describes up to `max` new slots in `out` as [window, offset, length, flags] each (u32), in order
   * from `position + 1`; returns how many (0: none), or -EVICTED, -SEGMENT_CORRUPT, -STALE_STREAM.
   */
  tail(out: Uint32Array, max: number): number;
  /** Everything up to and including slot `id` may be overwritten. 0 or -EVICTED. */
  ack(id: number): number;
  /** Keeps slot `id` beyond its acknowledgement. 0 or -LAPPED. */
  pin(id: number): number;
  unpin(id: number): number;
  /** Compares the slot's bytes with their hash. 0, -HASH_MISMATCH or -LAPPED. */
  verify(id: number): number;
  /** Asks to be woken at the next publication. 1: nothing new, sleep; 0: there is something now. */
  park(): number;
  /** Gives the reader's place back. Idempotent. */
  leave(): void;
}

/** One process's attachment to a segment; the server's own has the ingress operations too. */
export interface NativeSegment {
  /** Own row, -1 for a monitor. */
  readonly worker: number;
  readonly windows: readonly ArrayBuffer[];
  /** Makes a window anew that somebody has transferred, as a byte stream does with what it is given; its
   *  views are empty. Once closed: the one that there was. */
  renewWindow(window: number): ArrayBuffer;
  describe(): SegmentDescription;
  /** `fn` runs on the JavaScript thread after somebody rang; it must call `takeSignals`. */
  onWake(fn: () => void): void;
  /** Writes the indexes of the streams that were rung; call again while it fills `out`. */
  takeSignals(out: Uint32Array): number;
  /** False once the server has gone (workers), or the segment is another's (ingress). */
  connected(): boolean;
  /** Row of the arbiter, -1 after `close`. */
  arbiter(): number;
  /** Keeps the process alive while it waits (default true). */
  setRef(ref: boolean): void;
  heartbeat(capacity: number, inFlight: number): void;
  /** Detaches every window, gives readers, pins and the row back. Idempotent. */
  close(): void;

  /** The id of the open stream at this index, or 0. */
  streamAt(index: number): number;
  /** 1 while the stream of this id is open, 0 when closing, closed or reused. */
  isOpen(id: number): number;
  /** Error number with which the ingress aborted the stream, 0 = not. */
  abortCode(id: number): number;
  transportOf(id: number): string;
  poolOf(id: number): number;
  lastOf(id: number, lane: number): number;
  readerCount(id: number, lane: number): number;
  /** Readers of `lane` that belong to worker `w`. */
  readersOf(id: number, lane: number, worker: number): number;
  /** Worker index of the claim's holder, -1 = free, -2 = orphan of a dead worker; or an error - 100. */
  ownerOf(id: number, lane: number): number;
  failureOf(id: number, lane: number): number;
  /** Row of the worker that claimed the lane last, also after it gave the claim back; -1 = unknown. */
  claimantOf(id: number, lane: number): number;
  /** 1 while every slot of the lane is still in the ring. */
  isWhole(id: number, lane: number): number;
  /** Subscribes to new streams according to the role. */
  waitForStreams(on: boolean): void;
  /** Ids of open streams with a readable head; `unclaimedOnly` for a responder looking for work. */
  listStreams(unclaimedOnly: boolean): number[];
  /** Hands an announcement on to the other responders (the caller does not want the stream). */
  passOn(id: number): void;

  /** Copies slot `slot` into `into`; returns its length or -LAPPED / -EMPTY; flags in `meta[0]`. */
  copySlot(id: number, lane: number, slot: number, into: Uint8Array, meta: Uint32Array): number;
  /** Asks to be woken at the lane's next publication, joined or not. 1: nothing beyond slot `seen`,
   *  sleep; 0: there is something now; or an error. */
  watch(id: number, lane: number, seen: number): number;
  /**
   * Joins `lane` as a gating reader. `from`: acknowledged position (0 = from the first slot), -1 =
   * only what comes, -2 = from the newest keyframe. Returns a reader or a negative error.
   */
  join(id: number, lane: number, from: number): NativeReader | number;
  /** The newest slot that a late reader can begin with, 0 = none is there; or an error. */
  keyframe(id: number, lane: number): number;
  /** Claims the response or a stage lane. Returns its writer, or -ALREADY_CLAIMED etc. */
  claim(id: number, lane: number): NativeWriter | number;

  /** Verdict of a required observer. `hold`: take the duty (0, -ALREADY_CLAIMED). */
  holdVerdict(id: number, observer: number): number;
  giveVerdict(id: number, observer: number, pass: boolean, status: number, reason: string): number;

  // Ingress:

  /** Opens a stream and returns its id, or -NO_FREE_STREAM, -OUT_OF_MEMORY. */
  openStream(pool: number, transport: string): number;
  requestWriter(id: number): NativeWriter | number;
  /** Tells one waiting responder (the least busy) and every observer. */
  announce(id: number): void;
  /** Tells every waiting responder. */
  announceAll(id: number): void;
  abort(id: number, code: number): number;
  /** Starts closing: every handle on the stream becomes stale. Then `reclaim` until it returns 0. */
  closeStream(id: number): number;
  /** 0: the place is free again; -FULL: readers, pins or a claim are still held. */
  reclaim(id: number): number;
  /** After the responder's death: clears the response lane so that another worker may claim it. */
  requeue(id: number): number;
  /** [state, status] of each required observer; the reason by `verdictReason`. */
  verdicts(id: number): {
    state: 'pending' | 'held' | 'passed' | 'vetoed';
    orphaned: boolean;
    status: number;
    reason: string;
  }[];
  /** Takes the reader places of worker `w` on this stream's lane away. Returns how many. */
  evict(id: number, lane: number, worker: number): number;
  /** Kills the worker by its pidfd, through the arbiter if that is another process. 0 or -UNSUPPORTED /
   *  -SYSTEM / -SERVER_GONE. */
  kill(worker: number): number;
  takeEvents(): ControlEvent[];

  workers(): WorkerInfo[];
  /** Name of whoever has the row, or had it last; '' = none. */
  workerName(worker: number): string;
  streams(): StreamInfo[];
  /** Streams that are closing and still held by a living worker. */
  setAsideCount(): number;
}

export interface NativeAddon {
  readonly version: string;
  readonly abiMajor: number;
  readonly abiMinor: number;
  plan(options: SegmentOptions): GeometryPlan;
  machine(): MachineInfo;
  /** Creates the segment and listens on the control socket. Throws. */
  create(options: CreateOptions): NativeSegment;
  /** Connects, maps and checks; rejects with an error whose `number` is a table number. An ingress waits
   *  a few seconds for an arbiter. */
  attach(options: AttachOptions): Promise<NativeSegment>;
  xxh3(bytes: Uint8Array): bigint;
  /** Where the addon was built with libsrt. The constructor throws; it keeps the process alive until
   *  `close`. */
  readonly Srt?: new (
    wake: () => void,
  ) => NativeSrt;
  readonly RtmpReceiver: new (
    maxMessageBytes: number,
    windowBytes: number,
    multitrack: boolean,
  ) => NativeRtmpReceiver;
  /** On Linux. As `Srt`. */
  readonly RtmpEngine?: new (
    wake: () => void,
  ) => NativeRtmpEngine;
}
