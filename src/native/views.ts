/** What `NativeSegment` shows of workers and streams: pictures, never handles. */

export interface WorkerInfo {
  readonly index: number;
  readonly generation: number;
  readonly pid: number;
  /** Bits: 1 ingress, 2 responder, 4 observer. */
  readonly role: number;
  readonly name: string;
  readonly observer: number;
  readonly capacity: number;
  readonly inFlight: number;
  /** Milliseconds since its last heartbeat. */
  readonly heartbeatAgeMs: number;
  readonly attachedMs: number;
  readonly asleep: boolean;
}

export interface ReaderInfo {
  readonly worker: number;
  readonly cursor: number;
  /** Slots published and not acknowledged. */
  readonly lag: number;
}

export interface LaneInfo {
  readonly name: string;
  readonly last: number;
  readonly slots: number;
  readonly ended: boolean;
  /** The writer waits for a reader. */
  readonly full: boolean;
  /** Worker index of the claim's holder, -1 = none. */
  readonly owner: number;
  readonly orphan: boolean;
  /** Error number with which the holder gave up, 0 = none. */
  readonly failure: number;
  readonly readers: readonly ReaderInfo[];
  /** Bitmap of workers that pin a slot. */
  readonly pins: bigint;
}

export interface StreamInfo {
  readonly id: number;
  readonly pool: number;
  readonly state: 'opening' | 'open' | 'closing';
  readonly transport: string;
  readonly ingress: number;
  readonly abort: number;
  /** Which stream since the segment's creation, from 1. */
  readonly serial: number;
  readonly openedMs: number;
  readonly lanes: readonly LaneInfo[];
}
