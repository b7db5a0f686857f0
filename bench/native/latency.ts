import { quietMoment } from '../support/machine.js';
import { number, type Outcome, runProgram, sameHash } from '../support/native-program.js';
import type { BenchOptions } from '../support/options.js';
import type { Table } from '../support/report.js';
import { median } from '../support/statistics.js';

const WAKES = [
  ['asleep_one_way_ns', 'sleeping reader: publish to slot in hand'],
  ['asleep_round_trip_ns', 'both asleep: there and back'],
  ['spinning_one_way_ns', 'looking reader: publish to slot in hand'],
  ['spinning_round_trip_ns', 'both looking: there and back'],
  ['socket_round_trip_ns', 'unix sockets, 1 byte there and back'],
] as const;

const OPERATIONS = [
  ['last_ns', 'last()'],
  ['tail_empty_ns', 'tail, nothing new'],
  ['tail_and_ack_ns', 'tail and acknowledge one slot'],
  ['write_64_byte_ns', 'write 64 bytes, nobody sleeps'],
  ['write_64_kib_ns', 'write 64 KiB, nobody sleeps'],
  ['reserve_commit_64_byte_ns', 'reserve, commit, tail, acknowledge 64 bytes'],
  ['pin_unpin_ns', 'pin and unpin a slot'],
  ['verify_64_kib_ns', 'verify 64 KiB'],
  ['ring_awake_ns', 'ring a worker that does not sleep'],
  ['clock_ns', 'clock_gettime, for comparison'],
] as const;

async function trials(
  program: string,
  rounds: number,
  options: BenchOptions,
  extra: Record<string, number> = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let trial = 0; trial < options.trials; trial++) {
    await quietMoment(options.quietSeconds);
    outcomes.push(await runProgram(program, { rounds, ...extra }, options.realtime));
  }
  return outcomes;
}

/** Table (e): how long a wake takes. */
export async function wakeTable(options: BenchOptions): Promise<Table> {
  const rounds = options.small ? 200 : 10_000;
  const outcomes = await trials('wake_latency', rounds, options);
  const middle = (name: string) => median(outcomes.map((outcome) => number(outcome, name)));
  const data = WAKES.map(([field, what]) => ({
    what,
    p50Ns: middle(`${field}_p50`),
    p99Ns: middle(`${field}_p99`),
    p999Ns: middle(`${field}_p999`),
  }));
  const us = (ns: number) => (ns / 1000).toFixed(2);
  return {
    name: 'wake',
    title: `Wake and round trip between two processes on two processors, ${rounds} rounds`,
    notes: [
      'One slot of 64 bytes, verified. Asleep: the peer is seen sleeping on its doorbell (a futex)\n' +
        'before each write. Looking: both sides only look at the lane. p99.9 and its like are the\n' +
        "trials' medians.",
    ],
    columns: ['what', 'p50 us', 'p99 us', 'p99.9 us'],
    rows: data.map(({ what, p50Ns, p99Ns, p999Ns }) => [what, us(p50Ns), us(p99Ns), us(p999Ns)]),
    data,
    hashes: [sameHash(outcomes, 'asleep_hash'), sameHash(outcomes, 'spinning_hash')],
  };
}

/** Table (e), second part: what single operations cost, and that a slot costs no allocation. */
export async function operationTable(options: BenchOptions): Promise<Table> {
  const rounds = options.small ? 2000 : 1_000_000;
  const outcomes = await trials('operation_cost', rounds, options, { seed: options.seed });
  const allocations = Math.max(...outcomes.map((outcome) => number(outcome, 'allocations')));
  if (allocations > 0) throw new Error(`the core allocated ${allocations} times`);
  const data = OPERATIONS.map(([field, what]) => ({
    what,
    nsPerCall: median(outcomes.map((outcome) => number(outcome, field))),
  }));
  return {
    name: 'operations',
    title: 'Single operations of the core, one process, nobody sleeps',
    notes: [
      `Allocations from the write to the acknowledgement of ${outcomes[0]?.slots_without_allocation}` +
        ` slots: ${allocations}.`,
    ],
    columns: ['operation', 'ns per call'],
    rows: data.map(({ what, nsPerCall }) => [what, nsPerCall.toFixed(1)]),
    data,
    hashes: [sameHash(outcomes)],
  };
}
