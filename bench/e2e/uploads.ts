import { quietMoment } from '../support/machine.js';
import type { BenchOptions } from '../support/options.js';
import type { Table } from '../support/report.js';
import { median, spread } from '../support/statistics.js';
import { PROTOCOLS } from './protocol.js';
import { CHECKED_BYTES, MB, sizes, warmUpBytes } from './sizes.js';
import {
  type Scenario,
  type ServerKind,
  Trial,
  type UploadOutcome,
  type Workspace,
} from './trial.js';

const KINDS: readonly ServerKind[] = ['ring', 'bare'];

/** Outcomes of one scenario and size, trial by trial. */
type Outcomes = Record<ServerKind, UploadOutcome[]>;

/** Table 'uploads': throughput of each scenario beside the bare server's. */
export async function uploadTable(
  scenarios: readonly Scenario[],
  options: BenchOptions,
  workspace: Workspace,
): Promise<Table> {
  const all = new Map<string, Outcomes>();
  const hashes = new Set<string>();
  for (let trial = 0; trial < options.trials; trial++) {
    for (const scenario of scenarios) {
      for (const kind of KINDS) {
        await quietMoment(options.quietSeconds);
        hashes.add(await runTrial(kind, scenario, options, workspace, all));
      }
    }
  }
  hashes.delete('');
  if (hashes.size !== 1) throw new Error(`trials differ: ${[...hashes].join(', ')}`);
  const rows = [...all].map(([label, outcomes]) => summary(label, outcomes));
  return {
    name: 'uploads',
    title: 'Uploads: this server with a worker beside a bare server of the same library',
    notes: [
      [
        'MB = 10^6 bytes. "ring": client, server and worker are processes of their own; the worker',
        'compares every slot with its XXH3-64 before it counts it. "bare": a server that only counts the',
        "bytes of its 'data' events. The same client program sends to both, one connection, from memory;",
        'the time ends with the response. CPU: seconds of each process per 10^9 bytes.',
      ].join('\n'),
    ],
    columns: [
      ...['upload', 'ring MB/s', 'spread', 'bare MB/s', 'ratio'],
      ...['CPU ring: client', 'server', 'worker', 'CPU bare: client', 'server'],
    ],
    rows: rows.map(({ cells }) => cells),
    data: rows.map(({ data }) => data),
    hashes: [...hashes],
  };
}

async function runTrial(
  kind: ServerKind,
  scenario: Scenario,
  { seed, small, realtime }: BenchOptions,
  workspace: Workspace,
  all: Map<string, Outcomes>,
): Promise<string> {
  const { protocol, framing } = scenario;
  const trial = await Trial.start(kind, scenario, seed, workspace);
  try {
    const checked = kind === 'ring' ? await trial.check(framing, CHECKED_BYTES) : '';
    await trial.warmUp(framing, warmUpBytes(small));
    for (const { totalBytes, count } of sizes(small)) {
      const name = framing === 'length' ? '' : ' chunked';
      const label = `${PROTOCOLS[protocol].label}${name}, ${Math.round(totalBytes / MB)} MB`;
      const outcomes = all.get(label) ?? { ring: [], bare: [] };
      all.set(label, outcomes);
      outcomes[kind].push(
        await trial.shielded(realtime, () => trial.measure(framing, totalBytes, count)),
      );
    }
    return checked;
  } finally {
    await trial.stop();
  }
}

function summary(label: string, { ring, bare }: Outcomes) {
  const rate = ({ bytesPerSecond }: UploadOutcome) => bytesPerSecond;
  const cpu = (outcomes: UploadOutcome[], who: 'client' | 'server' | 'worker') =>
    median(outcomes.map(({ cpuSecondsPerGb }) => cpuSecondsPerGb[who]));
  const data = {
    label,
    ringBytesPerSecond: median(ring.map(rate)),
    bareBytesPerSecond: median(bare.map(rate)),
    ratio: median(ring.map((one, i) => rate(one) / rate(bare[i] as UploadOutcome))),
    spread: spread(ring.map(rate)),
    ringClientCpuSecondsPerGb: cpu(ring, 'client'),
    ringServerCpuSecondsPerGb: cpu(ring, 'server'),
    ringWorkerCpuSecondsPerGb: cpu(ring, 'worker'),
    bareClientCpuSecondsPerGb: cpu(bare, 'client'),
    bareServerCpuSecondsPerGb: cpu(bare, 'server'),
    ringServerRssBytes: median(ring.map(({ serverRssBytes }) => serverRssBytes)),
  };
  const rates = [data.ringBytesPerSecond, data.bareBytesPerSecond].map((r) => (r / MB).toFixed(0));
  const cells = [
    label,
    rates[0] ?? '',
    `${(data.spread * 100).toFixed(0)} %`,
    rates[1] ?? '',
    data.ratio.toFixed(2),
    ...[
      data.ringClientCpuSecondsPerGb,
      data.ringServerCpuSecondsPerGb,
      data.ringWorkerCpuSecondsPerGb,
      data.bareClientCpuSecondsPerGb,
      data.bareServerCpuSecondsPerGb,
    ].map((seconds) => seconds.toFixed(2)),
  ];
  return { data, cells };
}
