import { quietMoment } from '../../support/machine.js';
import type { BenchOptions } from '../../support/options.js';
import { shielded } from '../../support/realtime.js';
import type { Table } from '../../support/report.js';
import { digestOf, seededBytes } from '../processes/payload.mjs';
import { CHECKED_BYTES, sizes, warmUpBytes } from '../sizes.js';
import type { Workspace } from '../trial.js';
import { DATA_CHANNEL_SCENARIOS } from './data-channel.js';
import { MEDIA_COLUMNS, type MediaRow, missingRow, rowOf } from './media-row.js';
import { RTMP_SCENARIOS } from './rtmp.js';
import { RTMPS_SCENARIOS } from './rtmps.js';
import type { MediaScenario, ReceiverKind } from './scenario.js';
import { SRT_SCENARIOS } from './srt.js';
import type { MediaOutcome } from './transfer.js';

const SCENARIOS: readonly MediaScenario[] = [
  ...RTMP_SCENARIOS,
  ...RTMPS_SCENARIOS,
  ...SRT_SCENARIOS,
  ...DATA_CHANNEL_SCENARIOS,
];

/** Outcomes of one scenario by size and receiver, trial by trial. */
export type Outcomes = Map<number, Record<ReceiverKind, MediaOutcome[]>>;

/** Table 'media': media ingest beside the same library alone. */
export async function mediaTable(options: BenchOptions, workspace: Workspace): Promise<Table> {
  const rows: MediaRow[] = [];
  const notices = new Set<string>();
  const { sha256 } = digestOf(seededBytes(options.seed), CHECKED_BYTES);
  const measured = new Map<MediaScenario, Outcomes>();
  for (let trial = 0; trial < options.trials; trial++) {
    for (const scenario of SCENARIOS.filter((one) => one.missing('ring') === undefined)) {
      const outcomes: Outcomes = measured.get(scenario) ?? new Map();
      measured.set(scenario, outcomes);
      for (const kind of kindsOf(scenario, notices)) {
        await quietMoment(options.quietSeconds);
        await runTrial(scenario, kind, options, workspace, sha256, outcomes);
      }
    }
  }
  for (const scenario of SCENARIOS) {
    const outcomes = measured.get(scenario);
    if (outcomes) rows.push(...[...outcomes.values()].map((one) => rowOf(scenario, one)));
    else {
      rows.push(missingRow(scenario));
      notices.add(scenario.missing('ring') ?? '');
    }
  }
  return {
    name: 'media',
    title: 'Media ingest: this server with a worker beside the same library alone',
    notes: [
      [
        'MB = 10^6 bytes. "ring": the worker compares every slot with its XXH3-64 before it counts it.',
        '"raw": a sink of the same library, with the same options, that only counts. The same client',
        'program, one connection, from memory. Received: from the first byte sent to the last one in the',
        'hands of the worker or the sink; the ratio is of these. Sent: until the client has nothing left',
        'to send. Lost: of all transfers of a trial. CPU: seconds of each process per 10^9 bytes.',
      ].join('\n'),
      ...notices,
    ],
    columns: MEDIA_COLUMNS,
    rows: rows.map(({ cells }) => cells),
    data: rows.map(({ data }) => data),
    hashes: [sha256],
  };
}

function kindsOf(scenario: MediaScenario, notices: Set<string>): readonly ReceiverKind[] {
  if (scenario.peer === undefined) return ['ring', 'raw'];
  const missing = scenario.missing('peer');
  if (missing === undefined) return ['ring', 'raw', 'peer'];
  notices.add(missing);
  return ['ring', 'raw'];
}

async function runTrial(
  scenario: MediaScenario,
  kind: ReceiverKind,
  { seed, small, realtime }: BenchOptions,
  workspace: Workspace,
  sha256: string,
  outcomes: Outcomes,
): Promise<void> {
  const trial = await scenario.start(kind, { seed, realtime, workspace });
  try {
    if (kind === 'ring') {
      const read = await trial.digest(CHECKED_BYTES);
      const wanted = scenario.digestOf?.(seed, CHECKED_BYTES) ?? sha256;
      if (read !== wanted)
        throw new Error(`${scenario.label}: the worker read ${read}, sent ${wanted}`);
    }
    await trial.measure(warmUpBytes(small), 1);
    for (const { totalBytes, count } of sizes(small)) {
      const ofSize = outcomes.get(totalBytes) ?? { ring: [], raw: [], peer: [] };
      outcomes.set(totalBytes, ofSize);
      const measure = () => trial.measure(totalBytes, count);
      ofSize[kind].push(await shielded(trial.pids, realtime, measure));
    }
  } catch (error) {
    throw new Error(`${scenario.label} (${kind}): ${(error as Error).message}`, { cause: error });
  } finally {
    await trial.stop();
  }
}
