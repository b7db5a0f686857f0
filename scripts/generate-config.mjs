#!/usr/bin/env node
// Writes what is made from the configuration's schema: upload-response.example.yaml, the table of keys in
// docs/configuration.md, and that of reloadable keys in docs/operations.md. Needs a build;
// test/unit/config/reference.test.ts finds drift.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reloadableTable } from '../dist/config/index.js';
import { root } from './lib/files.mjs';
import { replaceTable } from './lib/table.mjs';

const config = (...args) =>
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), 'config', ...args], {
    encoding: 'utf8',
    env: {},
  });

writeFileSync(join(root, 'upload-response.example.yaml'), config('example'));
replaceTable('docs/configuration.md', config('keys', '--markdown').trimEnd());
replaceTable('docs/operations.md', reloadableTable());
