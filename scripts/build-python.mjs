#!/usr/bin/env node
// 'npm run build:python': the C library, and the Python wheel that carries it, in out/python.

import { main, systemPackages } from './bootstrap.mjs';
import { alone } from './lib/lock.mjs';
import { runOrThrow } from './lib/process.mjs';
import { step } from './lib/progress.mjs';
import { buildPreset, python } from './lib/suite-kinds.mjs';

await main(async () => {
  await systemPackages(['build', 'presets', 'python']);
  await step('C library', () => alone(() => buildPreset('capi', 600)));
  await step('wheel', async () => {
    const { output } = await runOrThrow(python(), ['-B', 'sdk/python/wheel_backend.py']);
    return output.trim();
  });
});
