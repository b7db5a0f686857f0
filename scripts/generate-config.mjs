#!/usr/bin/env node
// Writes what is made from the configuration's schema: upload-response.example.yaml, and the table of
// keys in docs/configuration.md. Needs a build; test/unit/config/reference.test.ts finds drift.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/files.mjs';
import { replaceTable } from './lib/table.mjs';

const config = (...args) =>
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), 'config', ...args], {
    encoding: 'utf8',
    env: {},
  });

writeFileSync(join(root, 'upload-response.example.yaml'), config('example'));
replaceTable('docs/configuration.md', config('keys', '--markdown').trimEnd());
