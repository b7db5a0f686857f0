// 'npm run bench:http': uploads over HTTP/1.1 with the worker in a process of its own, beside a bare Node
// server. docs/benchmarks.md says what each row means.

import { benchOptions } from '../support/options.js';
import { Report } from '../support/report.js';
import { firstByteTable } from './first-byte.js';
import { type Scenario, Workspace } from './trial.js';
import { uploadTable } from './uploads.js';

const SCENARIOS: readonly Scenario[] = [
  { protocol: 'http1', framing: 'length' },
  { protocol: 'http1', framing: 'chunked' },
  { protocol: 'http1Tls', framing: 'length' },
  { protocol: 'http1Tls', framing: 'chunked' },
];

const options = benchOptions({ trials: 5 }, ['uploads', 'first-byte']);
const report = new Report('bench:http', options);
const workspace = await Workspace.create();
try {
  if (report.wants('uploads')) report.add(await uploadTable(SCENARIOS, options, workspace));
  if (report.wants('first-byte')) report.add(await firstByteTable(options, workspace));
} finally {
  workspace.remove();
}
report.finish();
