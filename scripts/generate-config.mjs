#!/usr/bin/env node
// Writes what is made from the configuration's schema: upload-response.example.yaml, and the table of
// keys in docs/configuration.md. Needs a build; test/unit/config/reference.test.ts finds drift.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/files.mjs';

const config = (...args) =>
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), 'config', ...args], {
    encoding: 'utf8',
    env: {},
  });

writeFileSync(join(root, 'upload-response.example.yaml'), config('example'));

const page = join(root, 'docs/configuration.md');
const table = config('keys', '--markdown').trimEnd();
const [head] = table.split('\n');
const lines = readFileSync(page, 'utf8').split('\n');
const first = lines.indexOf(head);
if (first < 0) throw new Error(`${page} has no line "${head}"`);
let end = first;
while (lines[end]?.startsWith('|')) end++;
lines.splice(first, end - first, ...table.split('\n'));
writeFileSync(page, lines.join('\n'));
