import { codeOf, type ErrorCode } from '../errors/index.js';
import type { StreamFacts } from '../ingress/index.js';
import { decodeHeaders, type RequestHead, type ResponseHead } from '../protocols/hpks/index.js';
import { Lane, type Segment, WorkerRole } from '../ring/index.js';
import type { RemoteClaim } from './remote-claim.js';
import type { RemoteWorker } from './remote-worker.js';
import type { RemoteWorkers } from './remote-workers.js';
import { requestHeadOf } from './request-head.js';
import type { SlotCopy } from './slots.js';

type StreamInfo = ReturnType<Segment['native']['streams']>[number];
type LaneInfo = StreamInfo['lanes'][number];
type WorkerInfo = ReturnType<Segment['native']['workers']>[number];

/** A stream as JSON: `StreamPicture`. */
export function streamPicture(
  segment: Segment,
  info: StreamInfo,
  all: ReadonlyMap<number, StreamFacts>,
) {
  const { id, serial, transport, state, openedMs } = info;
  const pool = segment.description.pools[info.pool]?.name ?? '';
  const lanes = info.lanes.map(lanePicture);
  const aborted = codeOrNull(info.abort);
  const facts = all.get(id) ?? null;
  return { id, serial, pool, transport, state, openedMs, aborted, lanes, facts };
}

/** A request's head as JSON; null where it has been overwritten. Waits for nobody.
 *  @throws UploadResponseError UNKNOWN_STREAM, STALE_STREAM, an HPKS error */
export function requestPicture(segment: Segment, id: number) {
  const head = requestHeadOf(segment, id);
  return head ? headPicture(head) : null;
}

/** A claim as JSON: `Claim`. */
export function claimPicture(
  { segment, id: worker }: RemoteWorker,
  { stream, lane, token, written }: RemoteClaim,
) {
  const request = requestPicture(segment, stream);
  return { stream, lane: laneName(segment, stream, lane), worker, token, written, request };
}

/** A head as JSON: `RequestHead` or `ResponseHead`. */
export function headPicture({ kind: _, ...head }: RequestHead | ResponseHead) {
  return head;
}

/** What a slot says, as JSON: `SlotHead`; undefined for one that holds bytes.
 *  @throws UploadResponseError an HPKS error */
export function slotPicture({ type, bytes }: SlotCopy) {
  if (type === 'headers') return headPicture(decodeHeaders(bytes).frame.head);
  if (type === 'trailers') return { trailers: decodeHeaders(bytes).frame.head.headers };
  return undefined;
}

/** A worker as JSON: `Worker`. */
export function workerPicture(segment: Segment, remotes: RemoteWorkers, info: WorkerInfo) {
  const { index, name, pid, role, capacity, inFlight, heartbeatAgeMs, attachedMs } = info;
  const remote = remotes.inRow(index);
  const roles = (['ingress', 'responder', 'observer'] as const).filter(
    (one) => role & WorkerRole[one],
  );
  return {
    id: remote?.id ?? String(index),
    row: index,
    name,
    pid,
    roles,
    observer: segment.description.requiredObservers[info.observer] ?? null,
    capacity,
    inFlight,
    heartbeatAgeMs,
    attachedMs,
    remote: remote ? remotePicture(segment, remote) : null,
  };
}

/** Name of a lane of this stream. */
export function laneName(segment: Segment, id: number, lane: number): string {
  if (lane === Lane.request) return 'request';
  if (lane === Lane.response) return 'response';
  const pool = segment.description.pools[segment.native.poolOf(id)];
  return pool?.stages[lane - Lane.firstStage] ?? '';
}

function remotePicture(segment: Segment, remote: RemoteWorker) {
  const { timeoutMs, expiresInMs, streams } = remote;
  const reads = streams.flatMap(({ id, readers }) =>
    readers.map(({ lane, acknowledged }) => ({
      stream: id,
      lane: laneName(segment, id, lane),
      acknowledged,
    })),
  );
  const claims = streams.flatMap(({ id, claims: held }) =>
    held.map(({ lane, written }) => ({ stream: id, lane: laneName(segment, id, lane), written })),
  );
  return { timeoutMs, expiresInMs, reads, claims };
}

function lanePicture({ name, last, slots, ended, full, owner, failure, readers }: LaneInfo) {
  return {
    name,
    last,
    slots,
    ended,
    full,
    owner: owner >= 0 ? owner : null,
    failure: codeOrNull(failure),
    readers: readers.map(({ worker, cursor, lag }) => ({ worker, acknowledged: cursor, lag })),
  };
}

function codeOrNull(number: number): ErrorCode | null {
  return number > 0 ? (codeOf(number) ?? 'SEGMENT_CORRUPT') : null;
}
