import { publicPath } from '../admission/public-path.js';
import type { StreamFacts } from '../ingress/stream-facts.js';
import { Lane, type Segment, WorkerRole } from '../ring/index.js';
import type { LaneInfo, StreamInfo, WorkerInfo } from '../ring/machine.js';
import { readRequestHead } from '../worker/head.js';

/** The state of a segment at one moment: the answer of `inspect --json`, documented in docs/cli.md. */
export interface Snapshot {
  readonly takenAt: string;
  readonly segment: {
    readonly bootId: string;
    readonly abi: string;
    /** Pid of the arbiter: with several server processes another one when that dies. */
    readonly serverPid: number;
    readonly totalBytes: number;
    readonly maxWorkers: number;
    readonly requiredObservers: readonly string[];
    readonly setAside: number;
    readonly pools: readonly PoolSnapshot[];
  };
  readonly workers: readonly WorkerSnapshot[];
  readonly streams: readonly StreamSnapshot[];
}

export interface PoolSnapshot {
  readonly name: string;
  readonly streams: number;
  readonly inUse: number;
  readonly slotSize: number;
  readonly requestSlots: number;
  readonly responseSlots: number;
  readonly stages: readonly string[];
  readonly stageSlots: number;
  readonly readersPerLane: number;
}

export interface WorkerSnapshot {
  readonly index: number;
  readonly pid: number;
  readonly name: string;
  readonly roles: readonly ('ingress' | 'responder' | 'observer')[];
  /** The ingress that lets workers in and repairs what dead ones left. */
  readonly arbiter: boolean;
  /** Name of the required observer that it is. */
  readonly requiredObserver: string | null;
  readonly capacity: number;
  readonly inFlight: number;
  readonly claims: number;
  readonly readers: number;
  /** Greatest lag of its readers, in slots. */
  readonly lag: number;
  readonly asleep: boolean;
  readonly heartbeatAgeMs: number;
  readonly attachedMs: number;
}

export interface LaneSnapshot {
  readonly name: string;
  readonly slots: number;
  readonly last: number;
  readonly ended: boolean;
  /** The writer waits for its slowest reader. */
  readonly full: boolean;
  readonly owner: WorkerRef | null;
  /** The owner has died and the claim has not been dealt with yet. */
  readonly orphan: boolean;
  readonly failure: number;
  readonly readers: readonly (WorkerRef & { readonly cursor: number; readonly lag: number })[];
  readonly pinnedBy: readonly WorkerRef[];
}

/** A worker by the index of its row; the name is empty when the row has been given up meanwhile. */
export interface WorkerRef {
  readonly worker: number;
  readonly name: string;
}

export interface StreamSnapshot {
  readonly id: number;
  readonly pool: string;
  readonly state: StreamInfo['state'];
  readonly transport: string;
  /** The server process that has it; its reader of the request lane keeps the request whole. */
  readonly ingress: WorkerRef;
  readonly ageMs: number;
  /** Error number of the abort, 0 = none. */
  readonly abort: number;
  /** Null once the head's slot has been overwritten. */
  readonly head: { readonly method: string; readonly path: string } | null;
  readonly lanes: readonly LaneSnapshot[];
  /** What its server process knows of it; null where it was not asked, or has not answered. */
  readonly facts: StreamFacts | null;
}

/** The heads that earlier snapshots have seen, by stream: a long upload overwrites its own. */
export type KnownHeads = Map<number, StreamSnapshot['head']>;

/** Reads the whole segment through a monitor's read-only map. */
export function takeSnapshot(segment: Segment, known: KnownHeads = new Map()): Snapshot {
  const { description, native } = segment;
  const workers = native.workers();
  const arbiter = native.arbiter();
  const names = new Map(workers.map((worker) => [worker.index, worker.name]));
  const infos = native.streams();
  const streams = infos.map((info) => streamSnapshot(segment, info, names, known));
  known.clear();
  for (const stream of streams) known.set(stream.id, stream.head);
  return {
    takenAt: new Date().toISOString(),
    segment: {
      bootId: description.bootId,
      abi: `${description.abiMajor}.${description.abiMinor}`,
      serverPid: workers.find((one) => one.index === arbiter)?.pid ?? description.serverPid,
      totalBytes: description.totalBytes,
      maxWorkers: description.maxWorkers,
      requiredObservers: description.requiredObservers,
      setAside: native.setAsideCount(),
      pools: description.pools.map((pool) => ({
        name: pool.name,
        streams: pool.streams,
        inUse: infos.filter((info) => info.pool === pool.index).length,
        slotSize: pool.slotSize,
        requestSlots: pool.requestSlots,
        responseSlots: pool.responseSlots,
        stages: pool.stages,
        stageSlots: pool.stages.length === 0 ? 0 : pool.stageSlots,
        readersPerLane: pool.readersPerLane,
      })),
    },
    workers: workers.map((worker) => workerSnapshot(segment, worker, infos)),
    streams,
  };
}

function workerSnapshot(
  segment: Segment,
  worker: WorkerInfo,
  streams: readonly StreamInfo[],
): WorkerSnapshot {
  const lanes = streams.flatMap((stream) => stream.lanes);
  const readers = lanes
    .flatMap((lane) => lane.readers)
    .filter((one) => one.worker === worker.index);
  const roles = (['ingress', 'responder', 'observer'] as const).filter(
    (role) => worker.role & WorkerRole[role],
  );
  return {
    index: worker.index,
    pid: worker.pid,
    name: worker.name,
    roles,
    arbiter: roles.includes('ingress') && worker.index === segment.native.arbiter(),
    requiredObserver: segment.description.requiredObservers[worker.observer] ?? null,
    capacity: worker.capacity,
    inFlight: worker.inFlight,
    claims: lanes.filter((lane) => lane.owner === worker.index).length,
    readers: readers.length,
    lag: Math.max(0, ...readers.map((reader) => reader.lag)),
    asleep: worker.asleep,
    heartbeatAgeMs: Math.round(worker.heartbeatAgeMs),
    attachedMs: Math.round(worker.attachedMs),
  };
}

type Names = ReadonlyMap<number, string>;

const refOf = (worker: number, names: Names): WorkerRef => ({
  worker,
  name: names.get(worker) ?? '',
});

function streamSnapshot(
  segment: Segment,
  info: StreamInfo,
  names: Names,
  known: KnownHeads,
): StreamSnapshot {
  return {
    id: info.id,
    pool: segment.description.pools[info.pool]?.name ?? String(info.pool),
    state: info.state,
    transport: info.transport,
    ingress: refOf(info.ingress, names),
    ageMs: Math.round(info.openedMs),
    abort: info.abort,
    head: known.get(info.id) ?? readHead(segment, info),
    lanes: info.lanes.map((lane) => laneSnapshot(lane, names)),
    facts: null,
  };
}

function laneSnapshot(lane: LaneInfo, names: Names): LaneSnapshot {
  return {
    name: lane.name,
    slots: lane.slots,
    last: lane.last,
    ended: lane.ended,
    full: lane.full,
    owner: lane.owner >= 0 ? refOf(lane.owner, names) : null,
    orphan: lane.orphan,
    failure: lane.failure,
    readers: lane.readers.map(({ worker, cursor, lag }) => ({
      ...refOf(worker, names),
      cursor,
      lag,
    })),
    pinnedBy: bits(lane.pins).map((worker) => refOf(worker, names)),
  };
}

function bits(bitmap: bigint): number[] {
  const found: number[] = [];
  for (let index = 0; index < 63; index++) {
    if ((bitmap >> BigInt(index)) & 1n) found.push(index);
  }
  return found;
}

/** The head is read from the segment, where a worker's or client's bytes may be anything. */
function readHead(segment: Segment, info: StreamInfo): StreamSnapshot['head'] {
  if ((info.lanes[Lane.request]?.last ?? 0) === 0) return null;
  try {
    const head = readRequestHead(segment, info.id);
    return head ? { method: head.method, path: publicPath(info.transport, head.path) } : null;
  } catch {
    return null;
  }
}
