// 'npm run bench:native': the core alone, in separate processes that share one real segment.
// docs/benchmarks.md says what each row means.

import { benchOptions } from '../support/options.js';
import { Report } from '../support/report.js';
import { operationTable, wakeTable } from './latency.js';
import * as tables from './tables.js';
import { measureRows } from './throughput.js';

const throughput = [
  { name: 'slot-size', rows: tables.slotSizeRows, table: tables.slotSizeTable },
  { name: 'single-stream', rows: tables.singleStreamRows, table: tables.singleStreamTable },
  { name: 'multi-stream', rows: tables.multiStreamRows, table: tables.multiStreamTable },
  { name: 'many-readers', rows: tables.manyReadersRows, table: tables.manyReadersTable },
];

const names = [...throughput.map(({ name }) => name), 'wake', 'operations'];
const options = benchOptions({ trials: 7 }, names);
const report = new Report('bench:native', options);
for (const { name, rows, table } of throughput) {
  if (report.wants(name)) report.add(table(await measureRows(rows(options.small), options)));
}
if (report.wants('wake')) report.add(await wakeTable(options));
if (report.wants('operations')) report.add(await operationTable(options));
report.finish();
