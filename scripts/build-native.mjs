#!/usr/bin/env node
// Builds build/Release/upload_response.node with cmake-js. It uses node-api-headers, so it downloads
// nothing. node-gyp, prebuildify, npm's install script and the bootstrap all come through here.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const cmakeJs = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
const out = join(root, 'out', 'addon');
const cache = join(out, 'CMakeCache.txt');

// CMake refuses a build folder whose source folder has been moved.
if (existsSync(cache)) {
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  if (home !== root.replace(/\/$/, '')) rmSync(out, { recursive: true });
}

const { status, error } = spawnSync(
  process.execPath,
  [
    ...[cmakeJs, 'build', '--directory', root, '--out', out, '--config', 'Release'],
    ...['--target', 'upload_response', '--parallel', String(availableParallelism())],
  ],
  { stdio: 'inherit', cwd: root },
);
if (error) throw error;
if (status === 0) {
  // The linker leaves an unchanged addon alone; its time must still say that it is current.
  const now = new Date();
  utimesSync(join(root, 'build', 'Release', 'upload_response.node'), now, now);
}
process.exitCode = status ?? 1;
