import { quietMoment } from '../support/machine.js';
import type { BenchOptions } from '../support/options.js';
import type { Table } from '../support/report.js';
import { median, percentile } from '../support/statistics.js';
import { PROTOCOLS } from './protocol.js';
import { type Scenario, type ServerKind, Trial, type Workspace } from './trial.js';

const BODY_BYTES = 1024;

interface Case {
  readonly label: string;
  readonly kind: ServerKind;
  readonly protocol: Scenario['protocol'];
  readonly apart: boolean;
}

const CASES: readonly Case[] = (['http1', 'http1Tls'] as const).flatMap((protocol) =>
  [false, true].flatMap((apart) =>
    (['ring', 'bare'] as const).map((kind) => {
      const when = apart ? 'head 2 ms before the body' : 'head and body together';
      const who = kind === 'ring' ? 'a worker' : 'bare server';
      return { label: `${PROTOCOLS[protocol].label}, ${when}: ${who}`, kind, protocol, apart };
    }),
  ),
);

/** Table 'first-byte': from the body's first byte sent to the first byte seen. */
export async function firstByteTable(options: BenchOptions, workspace: Workspace): Promise<Table> {
  const count = options.small ? 20 : 2000;
  const samples = CASES.map((): number[][] => []);
  for (let round = 0; round < options.trials; round++) {
    for (const [index, { kind, protocol, apart }] of CASES.entries()) {
      await quietMoment(options.quietSeconds);
      const trial = await Trial.start(
        kind,
        { protocol, framing: 'length' },
        options.seed,
        workspace,
      );
      try {
        const measured = () => trial.firstByteNs({ count, bodyBytes: BODY_BYTES, apart });
        samples[index]?.push(await trial.shielded(options.realtime, measured));
      } finally {
        await trial.stop();
      }
    }
  }
  const data = CASES.map(({ label }, index) => {
    const at = (share: number) =>
      median((samples[index] ?? []).map((trial) => percentile(trial, share)));
    return { label, p50Ns: at(0.5), p99Ns: at(0.99), p999Ns: at(0.999) };
  });
  const us = (ns: number) => (ns / 1000).toFixed(0);
  return {
    name: 'first-byte',
    title: `From the first body byte sent to the first byte seen, ${count} uploads of ${BODY_BYTES} bytes`,
    notes: [
      [
        'Uploads one after the other on one connection. The clock (CLOCK_MONOTONIC, shared by all',
        'processes) is read just before the write and when the worker has the first slot, or when the',
        "bare server's 'data' handler is called. Head and body together: a stream is opened, announced",
        'and claimed within that time. Head before: the worker has claimed and sleeps.',
      ].join('\n'),
    ],
    columns: ['upload', 'p50 us', 'p99 us', 'p99.9 us'],
    rows: data.map(({ label, p50Ns, p99Ns, p999Ns }) => [label, us(p50Ns), us(p99Ns), us(p999Ns)]),
    data,
    hashes: [],
  };
}
