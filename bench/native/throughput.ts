import { availableParallelism } from 'node:os';
import { quietMoment } from '../support/machine.js';
import { number, type Outcome, runProgram, sameHash } from '../support/native-program.js';
import type { BenchOptions } from '../support/options.js';
import { median, spread } from '../support/statistics.js';

/** One row of a throughput table: a trial of the ring, and the memcpy of the same bytes beside it. */
export interface ThroughputRow {
  readonly label: string;
  readonly slotBytes: number;
  readonly slots: number;
  /** Of each stream. */
  readonly totalBytes: number;
  /** The buffer that is written again and again; `totalBytes`: every byte is another one. */
  readonly sourceBytes: number;
  readonly streams?: number;
  readonly readers?: number;
  readonly processes?: number;
  /** Readers compare every slot with its hash. */
  readonly verify?: boolean;
  /** The first write's length: with it slots do not begin where writes do. */
  readonly firstBytes?: number;
}

export interface ThroughputResult {
  readonly row: ThroughputRow;
  readonly ringBytesPerSecond: number;
  readonly copyBytesPerSecond: number;
  /** Median of the trials' ratios: both sides of one were measured one after the other. */
  readonly ratio: number;
  /** How far the trials lie apart, as a share of the median. */
  readonly spread: number;
  readonly slotsPerSecond: number;
  readonly seconds: number;
  readonly writerCpuSeconds: number;
  readonly readerCpuSeconds: number;
  readonly hash: string;
}

/** Looks before sleeping: many only where no other process needs the processor meanwhile. */
const SPINS_ALONE = 2000;
const SPINS_CROWDED = 20;

/** Runs all rows in turn, `trials` times, so that a change of the machine's mood hits all of them. */
export async function measureRows(
  rows: readonly ThroughputRow[],
  options: BenchOptions,
): Promise<ThroughputResult[]> {
  const trials = rows.map(() => ({ ring: [] as Outcome[], copy: [] as Outcome[] }));
  for (let trial = 0; trial < options.trials; trial++) {
    for (const [index, row] of rows.entries()) {
      await quietMoment(options.quietSeconds);
      trials[index]?.ring.push(
        await runProgram('ring_throughput', ringArguments(row, options), options.realtime),
      );
      trials[index]?.copy.push(
        await runProgram('memcpy_baseline', shared(row, options), options.realtime),
      );
    }
  }
  return rows.map((row, index) =>
    summary(row, trials[index]?.ring ?? [], trials[index]?.copy ?? []),
  );
}

function shared(row: ThroughputRow, { seed }: BenchOptions) {
  return {
    'slot-bytes': row.slotBytes,
    slots: row.slots,
    streams: row.streams ?? 1,
    'total-bytes': row.totalBytes,
    'source-bytes': row.sourceBytes,
    seed,
  };
}

function ringArguments(row: ThroughputRow, options: BenchOptions) {
  const processes = row.processes ?? 1;
  return {
    ...shared(row, options),
    readers: row.readers ?? 1,
    processes,
    verify: row.verify === false ? 0 : 1,
    spins: processes < availableParallelism() ? SPINS_ALONE : SPINS_CROWDED,
    'first-bytes': row.firstBytes ?? 0,
  };
}

function summary(row: ThroughputRow, ring: Outcome[], copy: Outcome[]): ThroughputResult {
  const rate = (outcome: Outcome) => number(outcome, 'bytes') / number(outcome, 'seconds');
  sameHash(copy);
  const rates = ring.map(rate);
  const middle = (name: string) => median(ring.map((outcome) => number(outcome, name)));
  return {
    row,
    ringBytesPerSecond: median(rates),
    copyBytesPerSecond: median(copy.map(rate)),
    ratio: median(rates.map((value, i) => value / rate(copy[i] as Outcome))),
    spread: spread(rates),
    slotsPerSecond: middle('slots') / middle('seconds'),
    seconds: middle('seconds'),
    writerCpuSeconds: middle('writer_cpu_seconds'),
    readerCpuSeconds: middle('reader_cpu_seconds'),
    hash: sameHash(ring),
  };
}
