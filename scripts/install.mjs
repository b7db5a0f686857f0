#!/usr/bin/env node
// npm's install script: uses the prebuilt binary where one fits, and builds from source where none
// does. The package also loads if this never ran and a prebuilt binary fits.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

function prebuiltFits() {
  try {
    require('node-gyp-build')(root);
    return true;
  } catch {
    return false;
  }
}

const isClone = existsSync(`${root}tsconfig.json`);
const fromSource = process.env.npm_config_build_from_source === 'true';

// In a clone 'npm start' and 'npm test' build; 'npm install' there must not need a compiler.
if (!isClone && (fromSource || !prebuiltFits())) {
  console.log('upload-response: building the native addon from source');
  const { status } = spawnSync(process.execPath, [`${root}scripts/build-native.mjs`], {
    stdio: 'inherit',
  });
  if (status !== 0) {
    console.error(
      `upload-response: no prebuilt binary fits ${process.platform}-${process.arch}, and building ` +
        'one failed. It needs a C++20 compiler, make and CMake 3.21:\n' +
        '    apt-get install -y --no-install-recommends g++ make cmake',
    );
  }
  process.exitCode = status ?? 1;
}
