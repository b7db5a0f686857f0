#!/usr/bin/env node
// npm's prepack script: a tarball carries dist/ and the prebuilt binaries of this platform.
// It prints to stderr only, since 'npm pack --json' shares its stdout.

import { dependencies, main, systemPackages } from './bootstrap.mjs';
import { buildTypescript } from './build-ts.mjs';
import { alone } from './lib/lock.mjs';
import { step } from './lib/progress.mjs';
import { prebuild } from './prebuild.mjs';

await main(async () => {
  await systemPackages(['build', 'presets', 'prebuild']);
  await dependencies();
  await step('TypeScript', () => alone(() => buildTypescript({ clean: true })));
  await step('prebuilt binaries', () => alone(prebuild));
});
