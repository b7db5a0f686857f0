// 'npm run bench:protocols': uploads of 100 MB and 1 GB, and small requests, over every protocol, and media
// ingest; the worker and the client in processes of their own, each row beside the same library alone.
// docs/benchmarks.md says what each row means.

import { benchOptions } from '../support/options.js';
import { Report } from '../support/report.js';
import { mediaTable } from './media/media-table.js';
import { PROTOCOLS, type ProtocolName } from './protocol.js';
import { smallTable } from './small-requests.js';
import { type Scenario, Workspace } from './trial.js';
import { uploadTable } from './uploads.js';

const options = benchOptions({ trials: 3 }, ['uploads', 'media', 'small']);
const report = new Report('bench:protocols', options);
const workspace = await Workspace.create();
const protocols = Object.keys(PROTOCOLS) as ProtocolName[];
const scenarios: Scenario[] = [
  ...protocols.map((protocol) => ({ protocol, framing: 'length' }) as const),
  { protocol: 'http1', framing: 'chunked' },
];
try {
  if (report.wants('uploads')) report.add(await uploadTable(scenarios, options, workspace));
  if (report.wants('media')) report.add(await mediaTable(options, workspace));
  if (report.wants('small')) report.add(await smallTable(protocols, options, workspace));
} finally {
  workspace.remove();
}
report.finish();
