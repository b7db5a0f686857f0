#!/usr/bin/env node
// From a fresh clone to something that runs: system packages, node_modules, the addon, dist/.
// Uses Node's builtins only, since nothing else is there yet. Every step is skipped when its result
// is current, so that any command may begin with it, in any order and as often as wanted.

import { fileURLToPath } from 'node:url';
import { buildTypescript } from './build-ts.mjs';
import { installMissing } from './lib/debian-packages.mjs';
import { installDependencies } from './lib/dependencies.mjs';
import { changedAt, installedAt, isCurrent, nativeSources } from './lib/files.mjs';
import { alone } from './lib/lock.mjs';
import { runOrThrow } from './lib/process.mjs';
import { red, say, step } from './lib/progress.mjs';

const addon = 'build/Release/upload_response.node';

function addonIsCurrent() {
  const sources = nativeSources().filter((path) => !path.startsWith('native/capi/'));
  if (!isCurrent(addon, [...sources, 'CMakeLists.txt', 'package-lock.json'])) return false;
  // Linked in where they are there: they may have come since, and their files keep their own dates.
  const linked = ['/usr/include/srt/srt.h', '/usr/include/nettle/aes.h'];
  return linked.every((path) => installedAt(path) <= changedAt(addon));
}

/** Debian packages for the kinds of work: build, presets, native-tests, fuzz, prebuild, clients. */
export function systemPackages(kinds) {
  return step('system packages', () => installMissing(kinds));
}

export function dependencies() {
  return step('npm packages', () => alone(installDependencies));
}

export function nativeBuild() {
  return step('native addon', () =>
    alone(async () => {
      if (addonIsCurrent()) return 'up to date';
      await runOrThrow(process.execPath, ['scripts/build-native.mjs'], { timeoutSeconds: 900 });
      return undefined;
    }),
  );
}

export function tsBuild() {
  return step('TypeScript', () => alone(() => buildTypescript()));
}

/** Everything that running the program needs. */
export async function bootstrap() {
  if (!addonIsCurrent()) await systemPackages(['build']);
  await dependencies();
  await nativeBuild();
  await tsBuild();
}

/** Runs a script's main function; a failure that was explained already needs no stack. */
export async function main(action) {
  try {
    await action();
  } catch (error) {
    say(red(error.message));
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(bootstrap);
