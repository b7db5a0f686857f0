import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Language } from './program.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const programs = fileURLToPath(new URL('./programs/', import.meta.url));
/** The C library, as the preset `capi` builds it. */
const library = `${root}out/capi/`;
const C_PROGRAM = `${root}out/worker-conformance/c-worker`;
const C_SOURCES = ['main', 'events', 'body', 'responders', 'observers'];

/** Debian's, which needs nothing that this machine may have besides. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** Compiles the C program as a user would. */
function compile(): void {
  mkdirSync(`${root}out/worker-conformance`, { recursive: true });
  execFileSync('cc', [
    ...['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-pedantic', '-Werror', '-O2', '-g'],
    ...C_SOURCES.map((name) => `${programs}c/${name}.c`),
    ...[`-I${library}include`, `-L${library}lib`, `-Wl,-rpath,${library}lib`],
    ...['-lupload_response', '-lpthread', '-lz', '-o', C_PROGRAM],
  ]);
}

compile();

/** The SDKs that the suites run for, and their programs. */
export const LANGUAGES: readonly Language[] = [
  { name: 'node', command: [process.execPath, `${programs}node/worker.mjs`] },
  { name: 'c', command: [C_PROGRAM] },
  {
    name: 'python',
    command: [python, `${programs}python/worker.py`],
    env: { PYTHONPATH: `${root}sdk/python`, PYTHONDONTWRITEBYTECODE: '1' },
  },
];
