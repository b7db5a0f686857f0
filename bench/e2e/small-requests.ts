import { quietMoment } from '../support/machine.js';
import type { BenchOptions } from '../support/options.js';
import type { Table } from '../support/report.js';
import { median, percentile } from '../support/statistics.js';
import { PROTOCOLS, type ProtocolName } from './protocol.js';
import { type ServerKind, type SmallOutcome, Trial, type Workspace } from './trial.js';

const CONNECTIONS = 64;
const KINDS: readonly ServerKind[] = ['ring', 'bare'];

/** Table 'small': requests of 1 KB with responses of 1 KB, beside the bare server's. */
export async function smallTable(
  protocols: readonly ProtocolName[],
  options: BenchOptions,
  workspace: Workspace,
): Promise<Table> {
  const requests = options.small ? 500 : 20_000;
  const outcomes = new Map(
    protocols.map((name) => [name, { ring: [], bare: [] } as Record<ServerKind, SmallOutcome[]>]),
  );
  for (let trial = 0; trial < options.trials; trial++) {
    for (const [protocol, ofKind] of outcomes) {
      for (const kind of KINDS) {
        await quietMoment(options.quietSeconds);
        ofKind[kind].push(await runTrial(kind, protocol, requests, options, workspace));
      }
    }
  }
  const data = [...outcomes].map(([protocol, { ring, bare }]) => {
    const rate = (some: SmallOutcome[]) => median(some.map((one) => one.requestsPerSecond));
    const at = (some: SmallOutcome[], share: number) =>
      median(some.map(({ ns }) => percentile(ns, share)));
    return {
      label: PROTOCOLS[protocol].label,
      ringRequestsPerSecond: rate(ring),
      bareRequestsPerSecond: rate(bare),
      ratio: rate(ring) / rate(bare),
      ringP50Ns: at(ring, 0.5),
      ringP99Ns: at(ring, 0.99),
      bareP50Ns: at(bare, 0.5),
      bareP99Ns: at(bare, 0.99),
    };
  });
  const ms = (ns: number) => (ns / 1e6).toFixed(2);
  return {
    name: 'small',
    title: `${requests} requests of 1 KB with responses of 1 KB on ${CONNECTIONS} connections`,
    notes: [
      [
        '"ring": a worker in its own process reads each request and answers it; "bare": the server',
        'answers by itself, in the process that has read it. Times as the client sees them.',
      ].join('\n'),
    ],
    columns: [
      ...['protocol', 'ring req/s', 'bare req/s', 'ratio'],
      ...['ring p50 ms', 'p99 ms', 'bare p50 ms', 'p99 ms'],
    ],
    rows: data.map((row) => [
      row.label,
      row.ringRequestsPerSecond.toFixed(0),
      row.bareRequestsPerSecond.toFixed(0),
      row.ratio.toFixed(2),
      ...[row.ringP50Ns, row.ringP99Ns, row.bareP50Ns, row.bareP99Ns].map(ms),
    ]),
    data,
    hashes: [],
  };
}

async function runTrial(
  kind: ServerKind,
  protocol: ProtocolName,
  requests: number,
  { seed, realtime }: BenchOptions,
  workspace: Workspace,
): Promise<SmallOutcome> {
  const trial = await Trial.start(kind, { protocol, framing: 'length' }, seed, workspace);
  try {
    await trial.small(CONNECTIONS, Math.ceil(requests / 10));
    return await trial.shielded(realtime, () => trial.small(CONNECTIONS, requests));
  } finally {
    await trial.stop();
  }
}
