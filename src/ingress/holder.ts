import { codeOf, type ErrorCode } from '../errors/index.js';
import { Lane, type Segment, WorkerRole } from '../ring/index.js';

/** Who answers a stream: nobody yet, a living worker, one that died, or one that gave up. */
export type Holder =
  | { readonly state: 'none' }
  | { readonly state: 'living'; readonly worker: number }
  | { readonly state: 'dead' }
  | { readonly state: 'failed'; readonly code: ErrorCode };

const NONE: Holder = { state: 'none' };
const DEAD: Holder = { state: 'dead' };

/** Results of `ownerOf` below this are errors. */
const OWNER_ERRORS = -100;

/** Looks at the claim on the response lane. */
export function holderOf(segment: Segment, id: number): Holder {
  const failure = segment.native.failureOf(id, Lane.response);
  const worker = segment.native.ownerOf(id, Lane.response);
  if (worker === -2) return DEAD;
  if (failure > 0) return { state: 'failed', code: codeOf(failure) ?? 'WORKER_FAILED' };
  if (worker >= 0) return { state: 'living', worker };
  if (worker > OWNER_ERRORS) return NONE;
  return { state: 'failed', code: codeOf(OWNER_ERRORS - worker) ?? 'SEGMENT_CORRUPT' };
}

/** Name of whoever answers, or was the last that was to. */
export function claimantName({ native }: Segment, id: number): string | undefined {
  const worker = native.claimantOf(id, Lane.response);
  return worker < 0 ? undefined : native.workerName(worker) || `#${worker}`;
}

/** A worker reads the request that will answer it, or that may: it need not have claimed yet. */
export function isRead(segment: Segment, id: number): boolean {
  const { native } = segment;
  const owner = native.ownerOf(id, Lane.response);
  if (owner >= 0) return native.readersOf(id, Lane.request, owner) > 0;
  return readsAs(segment, id, ({ role }) => (role & WorkerRole.responder) !== 0);
}

/** Somebody has taken the stream: it is claimed, or a responder reads it. */
export function isAttended(segment: Segment, id: number): boolean {
  return segment.native.ownerOf(id, Lane.response) >= 0 || isRead(segment, id);
}

/** Indexes of the workers of a bitmap. */
export function* workersOf(bitmap: bigint): Generator<number> {
  for (let worker = 0; bitmap >> BigInt(worker) > 0n; worker++) {
    if ((bitmap >> BigInt(worker)) & 1n) yield worker;
  }
}

/** A bitmap of the rows that server processes hold: their own, and those of remote workers, with which
 *  the server itself would be killed. */
export function rowsOfServers({ native }: Segment): bigint {
  const workers = native.workers();
  const servers = workers.filter(({ role }) => role & WorkerRole.ingress).map(({ pid }) => pid);
  let rows = 0n;
  for (const { index, pid } of workers) if (servers.includes(pid)) rows |= 1n << BigInt(index);
  return rows;
}

/** A bitmap of the workers that are required observers. */
export function requiredObservers({ native }: Segment): bigint {
  let rows = 0n;
  for (const { index, observer } of native.workers()) {
    if (observer >= 0) rows |= 1n << BigInt(index);
  }
  return rows;
}

/** Names of the workers of a bitmap, for logs. */
export function workerNames(segment: Segment, bitmap: bigint): string[] {
  return segment.native
    .workers()
    .filter(({ index }) => bitmap & (1n << BigInt(index)))
    .map(({ index, name, pid }) => `${name || 'worker'}#${index} (pid ${pid})`);
}

type WorkerInfo = ReturnType<Segment['native']['workers']>[number];

/** A worker that `wanted` picks reads the request. */
export function readsAs(
  segment: Segment,
  id: number,
  wanted: (worker: WorkerInfo) => boolean,
): boolean {
  const { native } = segment;
  return native
    .workers()
    .some((worker) => wanted(worker) && native.readersOf(id, Lane.request, worker.index) > 0);
}
