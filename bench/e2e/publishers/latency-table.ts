import { quietMoment } from '../../support/machine.js';
import type { BenchOptions } from '../../support/options.js';
import type { Table } from '../../support/report.js';
import type { Workspace } from '../trial.js';
import { agesOf, FRAME, text } from './ages.js';
import { LIVE_PROTOCOLS, type LiveProtocol, RTMP_AUDIO } from './protocols.js';
import { runPublishers } from './run.js';

/** About what AAC of 38 kbit/s is: nothing that would fill a slot. */
const QUIET_AUDIO = { fps: 1000 / 21, bytes: 100 };

const COLUMNS = ['protocol', 'units', 'p50 ms', 'p99 ms', 'max ms'];

/** Table 'latency': one publisher, over each protocol. */
export async function latencyTable(
  { small, quietSeconds }: BenchOptions,
  workspace: Workspace,
): Promise<Table> {
  const seconds = small ? 1 : 20;
  const rows: string[][] = [];
  const data: Record<string, number | string>[] = [];
  const notices = new Set<string>();
  const measure = async (protocol: LiveProtocol, unit: { fps: number; bytes: number }) => {
    const { label } = protocol;
    const missing = protocol.missing?.();
    await quietMoment(quietSeconds);
    const load = { ...unit, publishers: 1, seconds };
    const outcome = missing ? undefined : await runPublishers(protocol, load, workspace);
    if (!outcome) {
      notices.add(missing ?? `${label}: the server does not listen for it here.`);
      rows.push([label, 'not there', '', '', '']);
      data.push({ protocol: label, missing: 'not there' });
      return;
    }
    const { units } = outcome;
    const ages = agesOf(outcome);
    rows.push([label, String(units), ...Object.values(ages).map(text)]);
    data.push({ protocol: label, units, ...ages });
  };
  for (const protocol of LIVE_PROTOCOLS) await measure(protocol, FRAME);
  await measure(RTMP_AUDIO, QUIET_AUDIO);
  return {
    name: 'latency',
    title: 'One stream: how old a unit is when the worker has it',
    notes: [
      [
        'Both ends read CLOCK_MONOTONIC. 25 frames a second of 25,000 bytes; audio alone: a unit of 100',
        'bytes each 21 ms. SRT keeps packets for 120 ms on purpose.',
      ].join('\n'),
      ...notices,
    ],
    columns: COLUMNS,
    rows,
    data,
    hashes: data.map(({ units = '' }) => String(units)),
  };
}
