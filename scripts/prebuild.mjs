#!/usr/bin/env node
// Builds prebuilds/<platform>-<arch>/upload-response.<libc>.node with prebuildify, and beside it the C
// library under its SONAME, with its header: Python and C programs use those of an installed package.

import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isCurrent, nativeSources, root } from './lib/files.mjs';
import { nodeProgram, runOrThrow } from './lib/process.mjs';

const inputs = ['CMakeLists.txt', 'binding.gyp', 'package.json', 'scripts/build-native.mjs'];
const sources = () => [...nativeSources(), ...inputs];
const target = `prebuilds/${process.platform}-${process.arch}`;
const builtHere = () =>
  existsSync(join(root, target))
    ? readdirSync(join(root, target)).map((name) => `${target}/${name}`)
    : [];

/** Node's own headers where they are installed: node-gyp asks for some, though nothing reads them. */
function headersFolder() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node.h')) ? prefix : undefined;
}

/** Builds libupload_response, and copies it and its header to the addon. */
async function library() {
  const out = join(root, 'out', 'capi');
  await runOrThrow('cmake', ['--preset', 'capi'], { timeoutSeconds: 120 });
  const build = ['--preset', 'capi', '--parallel', `${availableParallelism()}`];
  await runOrThrow('cmake', ['--build', ...build], { timeoutSeconds: 900 });
  const soname = readdirSync(join(out, 'lib')).find((name) =>
    /\.so\.\d+$|\.\d+\.dylib$/.test(name),
  );
  const copy = (from, name) => {
    copyFileSync(join(out, from, name), join(root, target, name));
  };
  copy('lib', soname);
  copy('include', 'upload_response.h');
}

/** Brings the prebuilt binaries of this platform up to date. */
export async function prebuild() {
  const built = builtHere();
  if (built.length > 0 && built.every((path) => isCurrent(path, sources()))) return 'up to date';
  for (const path of built) rmSync(join(root, path));

  // prebuildify moves the addon out of build/Release, where the tests and the server load it from:
  // it gets a copy of the sources to build in. node_modules is found above it.
  const copy = join(root, 'out', 'prebuild');
  for (const name of ['native', 'scripts'])
    rmSync(join(copy, name), { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const path of sources()) {
    cpSync(join(root, path), join(copy, path), { recursive: true, preserveTimestamps: true });
  }
  const nodedir = headersFolder();
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  await runOrThrow(
    ...nodeProgram('prebuildify/bin.js', [
      ...['--napi', '--strip', '--tag-libc', '--target', process.versions.node],
      ...['--cwd', copy, '--out', root, '--node-gyp', nodeGyp],
    ]),
    { env: nodedir ? { npm_config_nodedir: nodedir } : {}, timeoutSeconds: 900 },
  );
  await library();
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log((await prebuild()) ?? `built ${builtHere().join(', ')}`);
  } catch (error) {
    console.error(error.output ?? error);
    process.exitCode = 1;
  }
}
