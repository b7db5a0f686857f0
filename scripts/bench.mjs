#!/usr/bin/env node
// 'npm run bench:native' and the other 'bench:' scripts: builds what a benchmark measures, then runs it.
// Usage: npm run bench:native -- [--small] [options of the benchmark]

import { spawnSync } from 'node:child_process';
import { bootstrap, main, systemPackages } from './bootstrap.mjs';
import { installPeers } from './lib/dependencies.mjs';
import { filesBelow, root } from './lib/files.mjs';
import { alone } from './lib/lock.mjs';
import { step } from './lib/progress.mjs';
import { buildPreset } from './lib/suite-kinds.mjs';

const programs = {
  native: 'bench/native/',
  http: 'bench/e2e/http',
  protocols: 'bench/e2e/protocols',
  micro: 'bench/micro/',
  workers: 'bench/workers/',
  publishers: 'bench/e2e/publishers',
};
const [kind, ...args] = process.argv.slice(2);

await main(async () => {
  const prefix = programs[kind];
  if (!prefix) throw new Error(`usage: bench.mjs ${Object.keys(programs).join('|')} [options]`);
  await systemPackages(['build', 'presets', ...(kind === 'workers' ? ['python'] : [])]);
  await bootstrap();
  await step('benchmark programs', () => buildPreset('release', 900));
  if (kind === 'workers') await step('C library', () => buildPreset('capi', 900));
  if (kind === 'protocols') await step('peers', () => alone(installPeers));
  const isProgram = (path) => path.startsWith(prefix) && /\.bench\.(ts|mjs)$/.test(path);
  for (const file of filesBelow('bench', isProgram)) {
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', file, ...args], {
      stdio: 'inherit',
      cwd: root,
    });
    if (status !== 0) process.exitCode = 1;
  }
});
