import { quietMoment } from '../support/machine.js';
import type { BenchOptions } from '../support/options.js';
import type { Table } from '../support/report.js';
import { median, percentile } from '../support/statistics.js';
import { FEEDS } from './echo-table.js';
import type { FeedKind } from './feeders/feeder.js';
import { ages } from './trial.js';
import type { Language } from './worker-program.js';

/** Programs and the processors' clocks warm up. */
const WARM_UP = 20;

/** Table 'wake': how long a small message takes into the hands of a worker that sleeps. */
export async function wakeTable(
  languages: readonly Language[],
  options: BenchOptions,
): Promise<Table> {
  const count = options.small ? 40 : 1000;
  const { realtime } = options;
  const all = new Map<string, number[][]>();
  for (let trial = 0; trial < options.trials; trial++) {
    for (const language of languages) {
      for (const from of FEEDS) {
        await quietMoment(options.quietSeconds);
        const found = await ages({ language, from, realtime }, WARM_UP + count);
        const key = `${language.name} ${from}`;
        all.set(key, [...(all.get(key) ?? []), found.slice(WARM_UP)]);
      }
    }
  }
  const of = (language: Language, from: FeedKind, share: number) =>
    median((all.get(`${language.name} ${from}`) ?? []).map((one) => percentile(one, share)));
  const us = (ns: number) => (ns / 1000).toFixed(0);
  const cells = (language: Language, from: FeedKind) => [
    us(of(language, from, 0.5)),
    us(of(language, from, 0.99)),
  ];
  return {
    name: 'wake',
    title: `Wake to handler: ${count} messages of 64 bytes to a worker that sleeps, in microseconds`,
    notes: [
      "From the feeder's write to the worker's look at the message, one every 3 ms, both by\n" +
        "CLOCK_MONOTONIC. The percentiles are the trials' medians.",
    ],
    columns: [...['worker', 'ring p50', 'p99', 'unix p50', 'p99', 'HTTP p50', 'p99']],
    rows: languages.map((language) => [
      language.name,
      ...FEEDS.flatMap((from) => cells(language, from)),
    ]),
    data: languages.flatMap((language) =>
      FEEDS.map((from) => ({
        language: language.name,
        from,
        p50Ns: of(language, from, 0.5),
        p99Ns: of(language, from, 0.99),
      })),
    ),
    hashes: [],
  };
}
