#!/usr/bin/env node
// Compiles src/ into dist/. Usage: node scripts/build-ts.mjs [--clean]

import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow, isCurrent, root } from './lib/files.mjs';
import { nodeProgram, runOrThrow } from './lib/process.mjs';

const stamp = 'out/tsc/build.stamp';
const compilerInputs = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const isAsset = (path) => !path.endsWith('.ts') && path !== 'src/errors/errors.json';

/** What tsc leaves behind when a source file is renamed or removed would still be importable. */
function removeOrphans() {
  const sources = new Set(filesBelow('src').map((path) => path.replace(/\.ts$/, '')));
  for (const path of filesBelow('dist')) {
    const source = path.replace(/^dist/, 'src').replace(/(\.d)?\.[jt]s(\.map)?$/, '');
    if (!sources.has(source)) rmSync(join(root, path));
  }
}

/** Brings dist/ up to date with src/. */
export async function buildTypescript({ clean = false } = {}) {
  const sources = filesBelow('src');
  const cli = join(root, 'dist/cli/main.js');
  if (clean) rmSync(join(root, 'dist'), { recursive: true, force: true });
  else if (isCurrent(stamp, [...sources, ...compilerInputs]) && existsSync(cli)) {
    removeOrphans();
    return 'up to date';
  }
  // Without dist/ the incremental state would make tsc believe that it has nothing to write.
  if (!existsSync(join(root, 'dist')))
    rmSync(join(root, 'out/tsc'), { recursive: true, force: true });
  rmSync(join(root, stamp), { force: true });
  const begun = new Date();
  await runOrThrow(...nodeProgram('typescript/bin/tsc', ['-p', 'tsconfig.build.json']));
  removeOrphans();
  for (const path of sources.filter(isAsset)) {
    const target = join(root, path.replace(/^src/, 'dist'));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(root, path), target);
  }
  if (existsSync(cli)) chmodSync(cli, 0o755);
  writeFileSync(join(root, stamp), begun.toISOString());
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildTypescript({ clean: process.argv.includes('--clean') });
  } catch (error) {
    console.error(error.output ?? error);
    process.exitCode = 1;
  }
}
