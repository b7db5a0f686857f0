import { formatSize, humanBytes } from '../config/units.js';
import { codeOf } from '../errors/index.js';
import { factsLines, factsText } from './facts-view.js';
import type { StreamRate } from './rates.js';
import type {
  LaneSnapshot,
  Snapshot,
  StreamSnapshot,
  WorkerRef,
  WorkerSnapshot,
} from './snapshot.js';
import {
  type Column,
  clip,
  clipMiddle,
  humanTime,
  printable,
  type Style,
  table,
} from './terminal.js';

/** One line about the server and one for each pool. */
export function summaryLines(snapshot: Snapshot, style: Style): string[] {
  const { segment } = snapshot;
  const lines = [
    `${style.bold('segment')} ${humanBytes(segment.totalBytes)}, format ${segment.abi}, ` +
      `server pid ${segment.serverPid}, boot ${segment.bootId}`,
  ];
  for (const pool of segment.pools) {
    const full = pool.inUse >= pool.streams;
    const use = `${pool.inUse}/${pool.streams} streams in use`;
    lines.push(
      `${style.bold('pool')} ${pool.name}: ${full ? style.red(use) : use}, ` +
        `${pool.requestSlots} + ${pool.responseSlots} slots of ${formatSize(pool.slotSize)}`,
    );
  }
  if (segment.setAside > 0) {
    lines.push(style.yellow(`${segment.setAside} places set aside: a worker still holds them`));
  }
  return lines;
}

const WORKER_COLUMNS: readonly Column[] = [
  { title: 'WORKER', right: true },
  { title: 'NAME' },
  { title: 'PID', right: true, spare: 4 },
  { title: 'ROLE' },
  { title: 'BUSY', right: true },
  { title: 'CLAIMS', right: true, spare: 3 },
  { title: 'READERS', right: true, spare: 2 },
  { title: 'LAG', right: true },
  { title: 'STATE', spare: 1 },
  { title: 'HEARTBEAT', right: true, spare: 5 },
  { title: 'ATTACHED', right: true, spare: 6 },
];

/** A table of the workers, with as many columns as `width` has room for. */
export function workerLines(snapshot: Snapshot, style: Style, width?: number): string[] {
  const rows = snapshot.workers.map((worker) => [
    String(worker.index),
    clip(printable(worker.name), 24),
    String(worker.pid),
    roleText(worker),
    worker.roles.includes('ingress') ? '' : `${worker.inFlight}/${worker.capacity}`,
    String(worker.claims),
    String(worker.readers),
    String(worker.lag),
    worker.asleep ? style.dim('asleep') : style.green('awake'),
    humanTime(worker.heartbeatAgeMs),
    humanTime(worker.attachedMs),
  ]);
  return table(WORKER_COLUMNS, rows, style, width);
}

function roleText({ roles, requiredObserver, arbiter }: WorkerSnapshot): string {
  const remark = arbiter ? 'arbiter' : requiredObserver;
  return roles.join('+') + (remark ? ` (${remark})` : '');
}

const STREAM_COLUMNS: readonly Column[] = [
  { title: 'STREAM', right: true },
  { title: 'REQUEST' },
  { title: 'SERVER', spare: 6 },
  { title: 'STATE' },
  { title: 'AGE', right: true, spare: 3 },
  { title: 'IN', right: true },
  { title: 'OUT', right: true, spare: 4 },
  { title: 'READERS', right: true, spare: 5 },
  { title: 'LAG', right: true, spare: 1 },
  { title: 'CLAIM', spare: 2 },
  { title: 'MEDIA', enough: 24 },
];

/** A table of the streams, the busiest first; rates only where they were measured. `width` as above. */
export function streamLines(
  snapshot: Snapshot,
  rates: ReadonlyMap<number, StreamRate> | undefined,
  style: Style,
  width?: number,
): string[] {
  const speed = (stream: StreamSnapshot): number => {
    const rate = rates?.get(stream.id);
    return rate ? rate.in + rate.out : 0;
  };
  const sorted = [...snapshot.streams].sort((a, b) => speed(b) - speed(a) || b.ageMs - a.ageMs);
  const several = snapshot.workers.filter(({ roles }) => roles.includes('ingress')).length > 1;
  const texts = new Map(sorted.map((stream) => [stream, factsText(stream.facts, style)]));
  const known = [...texts.values()].some((text) => text !== '');
  const columns = STREAM_COLUMNS.filter(({ title }) => {
    if (title === 'SERVER') return several;
    if (title === 'MEDIA') return known;
    return rates !== undefined || (title !== 'IN' && title !== 'OUT');
  });
  const rows = sorted.map((stream) => {
    const [request, response] = stream.lanes;
    const rate = rates?.get(stream.id);
    // Without the server's own, which stays at the beginning while the request is whole.
    const readers = (request?.readers ?? []).filter((one) => one.worker !== stream.ingress.worker);
    return [
      String(stream.id),
      headText(stream, 32),
      ...(several ? [refText(stream.ingress)] : []),
      stateText(stream, style),
      humanTime(stream.ageMs),
      ...(rates ? [`${humanBytes(rate?.in ?? 0)}/s`, `${humanBytes(rate?.out ?? 0)}/s`] : []),
      String(readers.length),
      String(Math.max(0, ...readers.map((reader) => reader.lag))),
      response ? ownerText(response) : '-',
      ...(known ? [texts.get(stream) ?? ''] : []),
    ];
  });
  return table(columns, rows, style, width);
}

/** Everything about one stream. */
export function streamDetail(stream: StreamSnapshot, style: Style): string[] {
  const lines = [
    `${style.bold('stream')} ${stream.id}  ${headText(stream, 200)}`,
    `  pool ${stream.pool}, transport ${stream.transport}, server ${refText(stream.ingress)}, ` +
      `age ${humanTime(stream.ageMs)}, ` +
      stateText(stream, style),
  ];
  if (stream.abort !== 0) {
    lines.push(`  aborted: ${style.red(codeOf(stream.abort) ?? String(stream.abort))}`);
  }
  lines.push(...factsLines(stream, style));
  for (const lane of stream.lanes) lines.push(...laneDetail(lane, style));
  return lines;
}

function laneDetail(lane: LaneSnapshot, style: Style): string[] {
  const marks = [
    lane.ended ? 'ended' : 'open',
    ...(lane.full ? [style.yellow('full: the writer waits')] : []),
    ...(lane.orphan ? [style.red('orphan: its owner has died')] : []),
    ...(lane.failure ? [style.red(codeOf(lane.failure) ?? `failure ${lane.failure}`)] : []),
  ];
  const owner = lane.name === 'request' ? '' : `, claimed by ${ownerText(lane)}`;
  const lines = [
    `  ${style.bold(lane.name)}  last slot ${lane.last}, ring of ${lane.slots}, ` +
      `${marks.join(', ')}${owner}`,
  ];
  for (const reader of lane.readers) {
    lines.push(`    reader ${refText(reader)}: at slot ${reader.cursor}, lag ${reader.lag}`);
  }
  for (const pin of lane.pinnedBy) lines.push(`    pinned by ${refText(pin)}`);
  return lines;
}

function headText(stream: StreamSnapshot, width: number): string {
  const { head, facts } = stream;
  const path = head ? `${head.method} ${head.path}` : (facts?.path ?? '-');
  return clipMiddle(printable(facts?.subject ? `${path} (${facts.subject})` : path), width);
}

function stateText(stream: StreamSnapshot, style: Style): string {
  const request = stream.lanes[0];
  if (stream.state === 'closing') return style.dim('closing');
  if (stream.abort !== 0) return style.red('aborted');
  if (request?.full) return style.yellow('stalled');
  return request?.ended ? 'received' : style.green('receiving');
}

function ownerText(lane: LaneSnapshot): string {
  return lane.owner ? refText(lane.owner) : '-';
}

function refText(ref: WorkerRef): string {
  return ref.name ? `${clip(printable(ref.name), 24)} (${ref.worker})` : `worker ${ref.worker}`;
}
