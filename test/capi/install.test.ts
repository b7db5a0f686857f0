// What 'cmake --install' leaves, as programs find it that know nothing of this repository.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { built, mustRun, programs, root } from './support.js';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};
const said = `${version} SERVER_GONE\n`;
const cache = readFileSync(join(built, 'CMakeCache.txt'), 'utf8');
const libraries = /^CMAKE_INSTALL_LIBDIR:[A-Z]+=(.*)$/m.exec(cache)?.[1] ?? 'lib';
const consumer = fileURLToPath(new URL('./consumer', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ur-install-'));
const prefix = join(folder, 'moved');

before(async () => {
  // Moved after it was installed: nothing in it may know where it was.
  await mustRun('cmake', ['--install', built, '--prefix', join(folder, 'first')]);
  await rename(join(folder, 'first'), prefix);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** What pkg-config answers for the installed library. */
async function flags(...args: string[]): Promise<string[]> {
  const path = `PKG_CONFIG_PATH=${join(prefix, libraries, 'pkgconfig')}`;
  const { stdout } = await mustRun('env', [path, 'pkg-config', ...args, 'upload_response']);
  return stdout.trim().split(/\s+/);
}

test('one header and one library, static and shared, are installed', async () => {
  assert.deepEqual(await readdir(join(prefix, 'include')), ['upload_response.h']);
  const names = [
    ...['cmake', 'pkgconfig', 'libupload_response.a', 'libupload_response.so'],
    ...['libupload_response.so.1', `libupload_response.so.${version}`],
  ];
  assert.deepEqual((await readdir(join(prefix, libraries))).sort(), names.sort());
});

test('nothing that is installed names a folder of the build', async () => {
  const { stdout } = await mustRun('sh', ['-c', `grep -rlF "${root}" "${prefix}" || true`]);
  assert.equal(stdout, '');
});

for (const [source, compiler] of [
  ['consumer.c', 'cc'],
  ['consumer.cc', 'c++'],
] as const) {
  test(`pkg-config: ${source} is built and runs with the shared library`, async () => {
    assert.deepEqual(await flags('--modversion'), [version]);
    const program = join(folder, `shared-${source}-program`);
    const rpath = `-Wl,-rpath,${join(prefix, libraries)}`;
    const found = await flags('--cflags', '--libs');
    await mustRun(compiler, [join(programs, source), ...found, rpath, '-o', program]);
    assert.equal((await mustRun(program, [])).stdout, said);
  });

  test(`pkg-config: ${source} is built and runs with the static library`, async () => {
    const program = join(folder, `static-${source}-program`);
    // Of the two libraries in the folder the linker would take the shared one.
    const found = (await flags('--static', '--cflags', '--libs')).map((flag) =>
      flag === '-lupload_response' ? '-l:libupload_response.a' : flag,
    );
    await mustRun(compiler, [join(programs, source), ...found, '-o', program]);
    assert.equal((await mustRun(program, [])).stdout, said);
    const { stdout } = await mustRun('readelf', ['-dW', program]);
    assert.ok(!stdout.includes('libupload_response'), stdout);
  });
}

test('CMake: find_package finds both libraries, for C and C++', async () => {
  const out = join(folder, 'consumer');
  await mustRun('cmake', ['-S', consumer, '-B', out, `-DCMAKE_PREFIX_PATH=${prefix}`]);
  await mustRun('cmake', ['--build', out]);
  for (const name of ['shared_c', 'shared_cc', 'static_c', 'static_cc']) {
    assert.equal((await mustRun(join(out, name), [])).stdout, said, name);
  }
});
