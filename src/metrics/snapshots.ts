import type { HistogramStats, IngressStats } from '../ingress/index.js';
import { Lane, type Segment, WorkerRole } from '../ring/index.js';
import { machineInfo } from '../ring/machine.js';
import type { TransportStats } from '../transports/transport.js';

/** A plain picture of a server. */
export interface ServerStats {
  readonly ingress: IngressStats;
  readonly transports: Readonly<Record<string, TransportStats>>;
  /** Connections that were closed unread, by error code. */
  readonly refusedConnectionsTotal: Readonly<Record<string, number>>;
  /** Requests for metrics and the like that were refused, by error code. */
  readonly refusedOperationsTotal: Readonly<Record<string, number>>;
  readonly reloads: { readonly doneTotal: number; readonly refusedTotal: number };
  /** Lines of the log that were dropped, since whoever reads them was too slow. */
  readonly logLinesDroppedTotal: number;
  /** When the certificate of the TLS listener expires: seconds since 1970. */
  readonly certificateExpiresAt: number | undefined;
}

/** What one server process tells of itself. It travels between processes as JSON. */
export interface ProcessSnapshot {
  /** Its name in the segment. */
  readonly process: string;
  readonly version: string;
  /** Seconds since 1970. */
  readonly startedAt: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly userCpuSeconds: number;
  readonly systemCpuSeconds: number;
  readonly eventLoopDelaySeconds: HistogramStats;
  readonly eventLoopActiveSeconds: number;
  readonly stats: ServerStats;
}

/** What is the same for all processes of a segment. */
export interface SegmentSnapshot {
  readonly totalBytes: number;
  readonly abi: string;
  readonly pools: readonly PoolUse[];
  readonly workers: Readonly<Record<'ingress' | 'responder' | 'observer', number>>;
  /** Streams that the responders take at once, and that they have. */
  readonly capacity: number;
  readonly inFlight: number;
  readonly lanes: Readonly<Record<LaneKind, LaneUse>>;
  /** Bytes that this machine, or its container, can still give. */
  readonly memoryAvailableBytes: number;
}

export interface PoolUse {
  readonly name: string;
  readonly free: number;
  readonly open: number;
  /** Closed streams that somebody still holds. */
  readonly setAside: number;
}

export type LaneKind = 'request' | 'response' | 'stage';

export interface LaneUse {
  readonly readers: number;
  /** Greatest lag of a reader, in slots. */
  readonly maxLag: number;
  /** Lanes whose writer waits for a reader. */
  readonly full: number;
}

/** Looks at the whole segment: some 5 µs for each open stream. */
export function segmentSnapshot(segment: Segment): SegmentSnapshot {
  const { description, native } = segment;
  const workers = native.workers();
  const responders = workers.filter(({ role }) => role & WorkerRole.responder);
  const count = (role: number) => workers.filter((worker) => worker.role & role).length;
  const streams = native.streams();
  return {
    totalBytes: description.totalBytes,
    abi: `${description.abiMajor}.${description.abiMinor}`,
    pools: description.pools.map(({ name, index, streams: total }) => {
      const taken = streams.filter(({ pool }) => pool === index);
      const setAside = taken.filter(({ state }) => state === 'closing').length;
      const open = taken.length - setAside;
      return { name, free: Math.max(0, total - taken.length), open, setAside };
    }),
    workers: {
      ingress: count(WorkerRole.ingress),
      responder: responders.length,
      observer: count(WorkerRole.observer),
    },
    capacity: sum(responders.map(({ capacity }) => capacity)),
    inFlight: sum(responders.map(({ inFlight }) => inFlight)),
    lanes: laneUse(streams),
    memoryAvailableBytes: availableBytes(),
  };
}

/** Bytes that the machine, or the container, can still give. */
export function availableBytes(): number {
  const { memoryAvailable, cgroupLimit, cgroupUsed } = machineInfo();
  const room = Number.isFinite(cgroupLimit) ? Math.max(0, cgroupLimit - cgroupUsed) : Infinity;
  return Math.min(memoryAvailable, room);
}

function laneUse(streams: ReturnType<Segment['native']['streams']>): Record<LaneKind, LaneUse> {
  const use = {
    request: { readers: 0, maxLag: 0, full: 0 },
    response: { readers: 0, maxLag: 0, full: 0 },
    stage: { readers: 0, maxLag: 0, full: 0 },
  };
  for (const { lanes, ingress } of streams) {
    for (const [index, lane] of lanes.entries()) {
      const one = use[kindOf(index)];
      if (lane.full) one.full++;
      for (const { worker, lag } of lane.readers) {
        // The server's own reader of a request only keeps it whole.
        if (index === Lane.request && worker === ingress) continue;
        one.readers++;
        one.maxLag = Math.max(one.maxLag, lag);
      }
    }
  }
  return use;
}

function kindOf(lane: number): LaneKind {
  if (lane === Lane.request) return 'request';
  return lane === Lane.response ? 'response' : 'stage';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
