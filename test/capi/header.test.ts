// What is promised to who compiles against the header: languages, symbols, what the library needs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { built, compile, mustRun, programs, root, temporaryFolder } from './support.js';

const header = join(built, 'include/upload_response.h');
const shared = join(built, 'lib/libupload_response.so');
const warnings = ['-Wall', '-Wextra', '-pedantic', '-Werror'];

/** The functions that the header declares for export. */
function declared(): string[] {
  const text = readFileSync(header, 'utf8');
  return [...text.matchAll(/^UR_API [^(]*?\b(ur_\w+)\(/gm)].map(([, name]) => name as string);
}

async function symbols(...args: string[]): Promise<string[]> {
  const { stdout } = await mustRun('nm', args);
  return stdout
    .split('\n')
    .filter((line) => / [TDBRW] /.test(line))
    .map((line) => (line.split(' ').at(-1) ?? '').replace(/@.*/, ''));
}

for (const standard of ['c99', 'c11', 'c17', 'c++11', 'c++17', 'c++20']) {
  test(`the header compiles as ${standard} without a warning`, async (t) => {
    const language = standard.startsWith('c++') ? 'c++' : 'c';
    const compiler = language === 'c' ? 'cc' : 'c++';
    const folder = temporaryFolder(t);
    // Alone, first, twice, and with everything that it promises to be a C++ program's own.
    const args = [`-std=${standard}`, ...warnings, '-Wconversion', '-Wshadow', '-include', header];
    const output = ['-c', '-o', join(folder, 'out.o')];
    await mustRun(compiler, [...args, '-x', language, header, ...output]);
  });
}

test('one header is installed, and it needs only the standard library', () => {
  const included = [...readFileSync(header, 'utf8').matchAll(/#include (\S+)/g)];
  assert.deepEqual(
    included.map(([, name]) => name),
    ['<stddef.h>', '<stdint.h>', '<string.h>'],
  );
});

test('the shared library exports what the header declares, and nothing else', async () => {
  const exported = await symbols('-D', '--defined-only', shared);
  assert.ok(declared().length > 40);
  assert.deepEqual(exported.sort(), declared().sort());
});

test('every exported symbol has the version of the interface', async () => {
  const { stdout } = await mustRun('nm', [
    '-D',
    '--defined-only',
    '--with-symbol-versions',
    shared,
  ]);
  const versions = new Set([...stdout.matchAll(/ T \w+@+(\w+)/g)].map(([, version]) => version));
  assert.deepEqual([...versions], ['UPLOAD_RESPONSE_1']);
});

test('the library needs only the C library, and no executable stack', async () => {
  const { stdout } = await mustRun('readelf', ['-dlW', shared]);
  const needed = [...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name as string);
  assert.deepEqual(
    needed.filter((name) => !/^(libc|libm|libpthread|ld-linux.*)\.so/.test(name)),
    [],
  );
  assert.match(stdout, /\(SONAME\).*\[libupload_response\.so\.1\]/);
  assert.match(stdout, /GNU_STACK.*RW /);
});

test('it is compiled without a header of Node', () => {
  const commands = JSON.parse(readFileSync(join(built, 'compile_commands.json'), 'utf8')) as {
    command: string;
  }[];
  assert.ok(commands.length > 30);
  const folders = commands.flatMap(({ command }) =>
    [...command.matchAll(/-(?:I|isystem) ?(\S+)/g)].map(([, folder]) => folder as string),
  );
  assert.deepEqual(
    folders.filter((folder) => /node-addon-api|node-api-headers|include\/node/.test(folder)),
    [],
  );
});

test('the default socket is the one of the server', async (t) => {
  const folder = temporaryFolder(t);
  const program = await compile(join(programs, 'default-socket.c'), folder);
  const module = JSON.stringify(join(root, 'dist/ring/socket-path.js'));
  const script = `console.log((await import(${module})).defaultSocketPath())`;
  const settings: Record<string, string>[] = [
    { UR_SOCKET: '/somewhere/a.sock', XDG_RUNTIME_DIR: '/run/user/1' },
    { XDG_RUNTIME_DIR: '/run/user/1' },
    { XDG_RUNTIME_DIR: '/run/user/1/' },
    { XDG_RUNTIME_DIR: 'relative' },
    { XDG_RUNTIME_DIR: '', TMPDIR: '/var/tmp/' },
    { TMPDIR: '/' },
    { TMP: '/first', TEMP: '/second' },
    {},
  ];
  for (const set of settings) {
    const env = ['-i', ...Object.entries(set).map(([name, value]) => `${name}=${value}`)];
    const node = [process.execPath, '--input-type=module', '--eval', script];
    const [server, worker] = await Promise.all([
      mustRun('env', [...env, ...node]),
      mustRun('env', [...env, program]),
    ]);
    assert.equal(worker.stdout, server.stdout, JSON.stringify(set));
  }
});
