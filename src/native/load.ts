import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UploadResponseError } from '../errors/index.js';
import type { NativeAddon } from './addon.js';

const require = createRequire(import.meta.url);

/** The package's folder: the nearest one above this file that holds the build's `binding.gyp`. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'binding.gyp'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package folder was not found');
    folder = parent;
  }
  return folder;
}

let addon: NativeAddon | undefined;

/** Loads the addon once: a prebuilt binary, or what was built from source.
 *  @throws UploadResponseError NATIVE_UNAVAILABLE with what was tried. */
export function loadAddon(): NativeAddon {
  if (addon) return addon;
  try {
    const load = require('node-gyp-build') as (folder: string) => NativeAddon;
    addon = load(packageRoot());
    return addon;
  } catch (cause) {
    throw new UploadResponseError('NATIVE_UNAVAILABLE', (cause as Error).message, { cause });
  }
}
