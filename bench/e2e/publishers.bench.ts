// 'npm run bench:publishers': live publishers at a steady rate: many of them at once, and how old a frame is
// when a worker has it. docs/benchmarks.md says what each row means.

import { benchOptions } from '../support/options.js';
import { Report } from '../support/report.js';
import { latencyTable } from './publishers/latency-table.js';
import { publishersTable } from './publishers/publishers-table.js';
import { Workspace } from './trial.js';

const options = benchOptions({ trials: 1 }, ['publishers', 'latency']);
const report = new Report('bench:publishers', options);
const workspace = await Workspace.create();
try {
  if (report.wants('latency')) report.add(await latencyTable(options, workspace));
  if (report.wants('publishers')) report.add(await publishersTable(options, workspace));
} finally {
  workspace.remove();
}
report.finish();
