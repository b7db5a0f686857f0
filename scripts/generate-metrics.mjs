#!/usr/bin/env node
// Writes the table of metrics in docs/operations.md. Needs a build; test/unit/metrics/table.test.ts finds
// drift.

import { metricsTable } from '../dist/metrics/index.js';
import { replaceTable } from './lib/table.mjs';

replaceTable('docs/operations.md', metricsTable());
