import { quietMoment } from '../../support/machine.js';
import type { BenchOptions } from '../../support/options.js';
import type { Table } from '../../support/report.js';
import type { Workspace } from '../trial.js';
import { agesOf, FRAME, text } from './ages.js';
import { RTMP } from './protocols.js';
import { type LiveOutcome, runPublishers } from './run.js';

/** Of one core, for each stream. */
function percent({ cpuSeconds, seconds }: LiveOutcome, of: 'server' | 'worker', streams: number) {
  return (cpuSeconds[of] / seconds / streams) * 100;
}

/** Table 'publishers': many at once. */
export async function publishersTable(
  { small, quietSeconds }: BenchOptions,
  workspace: Workspace,
): Promise<Table> {
  const many = small ? { publishers: 5, seconds: 2 } : { publishers: 100, seconds: 60 };
  const load = { ...FRAME, ...many };
  const { publishers, seconds } = load;
  const rows: string[][] = [];
  const data: Record<string, number | string>[] = [];
  for (const protocol of [RTMP]) {
    const { label } = protocol;
    await quietMoment(quietSeconds);
    const outcome = await runPublishers(protocol, load, workspace);
    if (!outcome) throw new Error(`${label}: the server does not listen for it`);
    const server = percent(outcome, 'server', publishers);
    const worker = percent(outcome, 'worker', publishers);
    const { units, sentUnits } = outcome;
    const { p50Ms, p99Ms } = agesOf(outcome);
    const row = [label, publishers, `${units} of ${sentUnits}`];
    rows.push([...row.map(String), ...[server, worker, p50Ms, p99Ms].map(text)]);
    data.push({
      ...{ protocol: label, publishers, seconds, units, sentUnits, p50Ms, p99Ms },
      serverCpuPercentPerStream: server,
      workerCpuPercentPerStream: worker,
    });
  }
  return {
    name: 'publishers',
    title: `${publishers} publishers of 5 Mbit/s for ${seconds} s, one worker`,
    notes: ['CPU: of one core, for each stream. Age: from the write of a frame to the worker.'],
    columns: ['protocol', 'publishers', 'frames', 'server %', 'worker %', 'p50 ms', 'p99 ms'],
    rows,
    data,
    hashes: data.map(({ units }) => String(units)),
  };
}
