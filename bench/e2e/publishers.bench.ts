// 'npm run bench:publishers': live publishers at a steady rate: many of them at once, and how old a frame is
// when a worker has it. docs/benchmarks.md says what each row means.

import { benchOptions } from '../support/options.js';
import { Report, type Table } from '../support/report.js';
import { percentile } from '../support/statistics.js';
import { type LiveOutcome, type LiveProtocol, PORTS, runPublishers } from './publishers/run.js';
import { Workspace } from './trial.js';

/** 5 Mbit/s at 25 frames a second. */
const FRAME = { fps: 25, bytes: 25_000 };

const options = benchOptions({ trials: 1 }, ['publishers', 'latency']);
const report = new Report('bench:publishers', options);
const workspace = await Workspace.create();
const protocols = Object.keys(PORTS) as LiveProtocol[];

const ms = (ns: readonly number[], share: number) => percentile(ns, share) / 1e6;
const text = (value: number) => value.toFixed(2);

/** Of one core, for each stream. */
function percent({ cpuSeconds, seconds }: LiveOutcome, of: 'server' | 'worker', streams: number) {
  return (cpuSeconds[of] / seconds / streams) * 100;
}

async function publishersTable(): Promise<Table> {
  const load = options.small
    ? { ...FRAME, publishers: 5, seconds: 2 }
    : { ...FRAME, publishers: 100, seconds: 60 };
  const rows: string[][] = [];
  const data: Record<string, number | string>[] = [];
  for (const protocol of ['rtmp'] as const) {
    const outcome = await runPublishers(protocol, load, workspace);
    if (!outcome) continue;
    const server = percent(outcome, 'server', load.publishers);
    const worker = percent(outcome, 'worker', load.publishers);
    const [p50, p99] = [ms(outcome.ns, 0.5), ms(outcome.ns, 0.99)];
    const { units, sentUnits } = outcome;
    const row = [protocol, load.publishers, `${units} of ${sentUnits}`];
    rows.push([...row.map(String), ...[server, worker, p50, p99].map(text)]);
    data.push({
      protocol,
      publishers: load.publishers,
      seconds: load.seconds,
      units,
      sentUnits,
      serverCpuPercentPerStream: server,
      workerCpuPercentPerStream: worker,
      p50Ms: p50,
      p99Ms: p99,
    });
  }
  return {
    name: 'publishers',
    title: `${load.publishers} publishers of 5 Mbit/s for ${load.seconds} s, one worker`,
    notes: ['CPU: of one core, for each stream. Age: from the write of a frame to the worker.'],
    columns: ['protocol', 'publishers', 'frames', 'server %', 'worker %', 'p50 ms', 'p99 ms'],
    rows,
    data,
    hashes: data.map(({ units }) => String(units)),
  };
}

async function latencyTable(): Promise<Table> {
  const load = { ...FRAME, publishers: 1, seconds: options.small ? 2 : 20 };
  const rows: string[][] = [];
  const data: Record<string, number | string>[] = [];
  for (const protocol of protocols) {
    const outcome = await runPublishers(protocol, load, workspace);
    if (!outcome) continue;
    const { ns, units } = outcome;
    const [p50, p99, most] = [ms(ns, 0.5), ms(ns, 0.99), ms(ns, 1)];
    rows.push([protocol, String(units), ...[p50, p99, most].map(text)]);
    data.push({ protocol, units, p50Ms: p50, p99Ms: p99, maxMs: most });
  }
  return {
    name: 'latency',
    title: 'One stream of 25 frames a second: how old a frame is when the worker has it',
    notes: [
      'Both ends read CLOCK_MONOTONIC; a frame has 25,000 bytes. SRT keeps packets for 120 ms on purpose.',
    ],
    columns: ['protocol', 'frames', 'p50 ms', 'p99 ms', 'max ms'],
    rows,
    data,
    hashes: data.map(({ units }) => String(units)),
  };
}

try {
  if (report.wants('latency')) report.add(await latencyTable());
  if (report.wants('publishers')) report.add(await publishersTable());
} finally {
  workspace.remove();
}
report.finish();
