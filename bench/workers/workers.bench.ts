// 'npm run bench:workers': the same worker program in C, Node.js and Python, fed by the ring, over a unix
// socket and over loopback HTTP. README.md in this folder says how; docs/benchmarks.md what came out.

import { benchOptions } from '../support/options.js';
import { Report } from '../support/report.js';
import { echoTable } from './echo-table.js';
import { wakeTable } from './wake-table.js';
import { languages } from './worker-program.js';

const options = benchOptions({ trials: 5 }, ['echo', 'wake']);
const report = new Report('bench:workers', options);
const all = languages();
if (report.wants('echo')) report.add(await echoTable(all, options));
if (report.wants('wake')) report.add(await wakeTable(all, options));
report.finish();
