import { createHash, randomBytes } from 'node:crypto';
import { quietMoment } from '../support/machine.js';
import type { BenchOptions } from '../support/options.js';
import type { Table } from '../support/report.js';
import { median, spread } from '../support/statistics.js';
import type { FeedKind } from './feeders/feeder.js';
import { type EchoOutcome, echo } from './trial.js';
import type { Language } from './worker-program.js';

const MB = 1e6;
/** More than the processors' caches hold, a multiple of a write. */
const SOURCE_BYTES = 64 * 2 ** 20;
const CHECKED_BYTES = 8 * 2 ** 20;
export const FEEDS: readonly FeedKind[] = ['ring', 'unix', 'http'];
const ALL: readonly FeedKind[] = [...FEEDS, 'defaults'];

/** Table 'echo': how fast a body is hashed and sent back, in each language and fed in each way. */
export async function echoTable(
  languages: readonly Language[],
  options: BenchOptions,
): Promise<Table> {
  const length = options.small ? CHECKED_BYTES : 15 * SOURCE_BYTES;
  const source = sourceOf(options.seed);
  const all = new Map<string, EchoOutcome[]>();
  const { realtime } = options;
  for (const language of languages) {
    for (const from of ALL) {
      await echo({ language, from, realtime: false }, source, CHECKED_BYTES, true);
    }
  }
  for (let trial = 0; trial < options.trials; trial++) {
    for (const language of languages) {
      for (const from of ALL) {
        await quietMoment(options.quietSeconds);
        const outcome = await echo({ language, from, realtime }, source, length);
        const key = keyOf(language, from);
        all.set(key, [...(all.get(key) ?? []), outcome]);
      }
    }
  }
  const hashes = new Set([...all.values()].flat().map(({ hash }) => hash));
  if (hashes.size !== 1) throw new Error(`workers differ: ${[...hashes].join(', ')}`);
  const rows = languages.map((language) =>
    row(language, (from) => all.get(keyOf(language, from)) ?? [], length),
  );
  return {
    name: 'echo',
    title: `Workers: ${(length / MB).toFixed(0)} MB hashed and sent back, by the ring, a unix socket, HTTP`,
    notes: [
      'MB = 10^6 bytes, counted once: each goes there and back. The same program, hash (XXH3-64) and\n' +
        'feeder in each way; the feeder, one Node.js process, writes from memory and takes the answer,\n' +
        'from a socket into one buffer. Pieces of 256 KB everywhere: slots, reads, writes; "defaults":\n' +
        'the ring with slots of 64 KB. Spreads and CPU: ring / unix / HTTP; CPU: seconds of the worker\n' +
        'and of the feeder per 10^9 bytes. An untimed round before compares every byte that comes back.',
    ],
    columns: [
      ...['worker', 'ring MB/s', 'unix MB/s', 'HTTP MB/s', 'spreads', 'ring : unix', 'ring : HTTP'],
      ...['defaults MB/s', 'defaults : HTTP'],
      ...['CPU worker', 'CPU feeder'],
    ],
    rows: rows.map(({ cells }) => cells),
    data: rows.map(({ data }) => data),
    hashes: [...hashes],
  };
}

const keyOf = (language: Language, from: FeedKind) => `${language.name} ${from}`;

function sourceOf(seed: number): Uint8Array {
  const source = randomBytes(SOURCE_BYTES);
  // Repeatable: each block is a digest of the seed and its place.
  for (let at = 0; at < source.length; at += 4096) {
    source.set(createHash('sha256').update(`${seed} ${at}`).digest(), at);
    for (let copy = 32; copy < 4096; copy *= 2) source.copyWithin(at + copy, at, at + copy);
  }
  return source;
}

function row(language: Language, outcomesOf: (from: FeedKind) => EchoOutcome[], length: number) {
  const rate = (from: FeedKind) =>
    median(outcomesOf(from).map(({ seconds }) => length / MB / seconds));
  const cpu = (from: FeedKind, side: 'workerCpuSeconds' | 'feederCpuSeconds') =>
    median(outcomesOf(from).map((outcome) => (outcome[side] * 1e9) / length));
  const [ring, unix, http, defaults] = ALL.map(rate) as [number, number, number, number];
  const spreads = FEEDS.map((from) => spread(outcomesOf(from).map(({ seconds }) => seconds)));
  const cpus = (side: 'workerCpuSeconds' | 'feederCpuSeconds') =>
    FEEDS.map((from) => cpu(from, side).toFixed(2)).join(' / ');
  return {
    cells: [
      language.name,
      ring.toFixed(0),
      unix.toFixed(0),
      http.toFixed(0),
      `${spreads.map((one) => (one * 100).toFixed(0)).join(' / ')} %`,
      (ring / unix).toFixed(2),
      (ring / http).toFixed(2),
      defaults.toFixed(0),
      (defaults / http).toFixed(2),
      cpus('workerCpuSeconds'),
      cpus('feederCpuSeconds'),
    ],
    data: {
      language: language.name,
      ringMBPerSecond: ring,
      unixMBPerSecond: unix,
      httpMBPerSecond: http,
      defaultsMBPerSecond: defaults,
      ringSpread: spreads[0] ?? Number.NaN,
      unixSpread: spreads[1] ?? Number.NaN,
      httpSpread: spreads[2] ?? Number.NaN,
      ringToUnix: ring / unix,
      ringToHttp: ring / http,
      defaultsToHttp: defaults / http,
      ringWorkerCpuSecondsPerGB: cpu('ring', 'workerCpuSeconds'),
      unixWorkerCpuSecondsPerGB: cpu('unix', 'workerCpuSeconds'),
      httpWorkerCpuSecondsPerGB: cpu('http', 'workerCpuSeconds'),
      ringFeederCpuSecondsPerGB: cpu('ring', 'feederCpuSeconds'),
      unixFeederCpuSecondsPerGB: cpu('unix', 'feederCpuSeconds'),
      httpFeederCpuSecondsPerGB: cpu('http', 'feederCpuSeconds'),
    },
  };
}
