// The tarball as a user gets it: in an empty folder, on a machine without a compiler.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
// A version manager's python3 is a script, which needs more than this test leaves on PATH.
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

let work = '';
let app = '';
let env: NodeJS.ProcessEnv = {};
let packed: string[] = [];

/** Runs a program in the folder that the package is installed in, with nothing else on PATH. */
const inApp = (program: string, ...args: string[]) =>
  run(join(work, 'bin', program), args, { cwd: app, env, timeout: 300_000 });

async function which(program: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'command -v "$0"', program]);
  return realpath(stdout.trim());
}

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'upload-response-pack-'));
  app = join(work, 'app');
  await mkdir(app);
  await mkdir(join(work, 'bin'));
  for (const program of ['node', 'npm', 'sh', 'env']) {
    await symlink(await which(program), join(work, 'bin', program));
  }
  const { npm_config_build_from_source: _, ...inherited } = process.env;
  env = { ...inherited, PATH: join(work, 'bin') };
  const pack = ['pack', '--json', '--pack-destination', work];
  const { stdout } = await run('npm', pack, { cwd: root, timeout: 600_000, maxBuffer: 1 << 26 });
  const [report] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  packed = report.files.map((file) => file.path);
  await writeFile(join(app, 'package.json'), '{ "private": true, "type": "module" }\n');
  const install = ['install', '--engine-strict', '--no-audit', '--no-fund', '--prefer-offline'];
  await inApp('npm', ...install, join(work, report.filename));
});

after(() => rm(work, { recursive: true, force: true }));

test('the tarball carries the program, its prebuilt binary and the sources of the addon', () => {
  const prebuilt = new RegExp(`^prebuilds/${process.platform}-${process.arch}/.*\\.node$`);
  assert.equal(packed.filter((path) => prebuilt.test(path)).length, 1);
  for (const path of ['dist/cli/main.js', 'dist/index.d.ts', 'CMakeLists.txt', 'LICENSE']) {
    assert.ok(packed.includes(path), path);
  }
  assert.ok(packed.some((path) => path.startsWith('native/cmake/')));
  const stray = /^(src|test|bench|out|build|node_modules|docs)\/|native\/(test|fuzz)\/|\.gyp\.tmp$/;
  assert.deepEqual(
    packed.filter((path) => stray.test(path)),
    [],
  );
});

test('it carries the C library, which a program without Node loads', async () => {
  const folder = `prebuilds/${process.platform}-${process.arch}`;
  const names = packed
    .filter((path) => dirname(path) === folder)
    .map((path) => basename(path))
    .filter((name) => !name.endsWith('.node'));
  assert.deepEqual(names.sort(), ['libupload_response.so.1', 'upload_response.h']);
  const installed = join(app, 'node_modules', 'upload-response', folder);
  const { version } = JSON.parse(
    await readFile(join(app, 'node_modules', 'upload-response', 'package.json'), 'utf8'),
  );
  const program = `
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.ur_version.restype = ctypes.c_char_p
print(library.ur_version().decode(), library.ur_abi_version())
`;
  const library = join(installed, 'libupload_response.so.1');
  const { stdout } = await run(python, ['-c', program, library], {
    env,
    timeout: 60_000,
  });
  assert.equal(stdout.trim(), `${version} 1`);
});

test('installing it compiles nothing', async () => {
  const installed = await readdir(join(app, 'node_modules', 'upload-response'));
  assert.ok(!installed.includes('build') && !installed.includes('out'), installed.join(' '));
});

test('every entry of the package can be imported', async () => {
  const program = `
    for (const entry of ['', '/worker', '/hpks', '/errors']) await import('upload-response' + entry);
    const { ERRORS } = await import('upload-response/errors');
    console.log(ERRORS.FULL.number);
  `;
  const { stdout } = await inApp('node', '--input-type=module', '--eval', program);
  assert.equal(stdout.trim(), '1');
});

test('doctor finds the native binary', async () => {
  const cli = join('node_modules', '.bin', 'upload-response');
  const { stdout } = await inApp('node', cli, 'doctor', '--json');
  assert.equal(typeof JSON.parse(stdout), 'object');
});

test('it comes without the engine of HTTP/3, and doctor says so', async () => {
  assert.equal(existsSync(join(app, 'node_modules', '@currentspace')), false);
  const cli = join('node_modules', '.bin', 'upload-response');
  const { stdout } = await inApp('node', cli, 'doctor', '--json');
  const { checks } = JSON.parse(stdout) as { checks: { id: string; detail: string }[] };
  const detail = checks.find(({ id }) => id === 'http3')?.detail ?? '';
  assert.match(detail, /^HTTP\/3 is off, and could not be on: .*@currentspace\/http3/);
});

test('its Python package finds the library beside it, and needs nothing else', async () => {
  const sdk = join(app, 'node_modules', 'upload-response', 'sdk', 'python');
  const program = `
from upload_response import Worker, _library, errors
print(_library.load().version().decode(), next(_library.candidates()))
try:
    Worker(socket=${JSON.stringify(join(work, 'nobody.sock'))})
except errors.ServerGone as error:
    print(error.code, [line for line in open('/proc/self/maps') if 'prebuilds' in line] != [])
`;
  const { stdout } = await run(
    python,
    ['-B', '-I', '-c', `import sys; sys.path[:0] = [${JSON.stringify(sdk)}]\n${program}`],
    { cwd: app },
  );
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  assert.match(stdout, new RegExp(`^${version.replaceAll('.', '\\.')} .*\nSERVER_GONE True\n$`));
});

test('a program creates a segment with the prebuilt addon', async () => {
  const program = `
    import { Segment } from './node_modules/upload-response/dist/ring/index.js';
    const segment = Segment.create({
      socket: ${JSON.stringify(join(work, 'control.sock'))},
      name: 'packaging',
      pools: [{
        name: 'uploads', streams: 2, slotSize: 65536, requestSlots: 8, responseSlots: 8,
        stageSlots: 0, stages: [], readersPerLane: 4,
      }],
      maxWorkers: 4, requiredObservers: [], memory: 'fixed', warmStreams: 0,
    });
    console.log(segment.description.streamCount);
    await segment.close();
    process.exit(0);
  `;
  const { stdout } = await inApp('node', '--input-type=module', '--eval', program);
  assert.equal(stdout.trim(), '2');
});

test('where no prebuilt binary fits it is built from source', async () => {
  const folder = join(app, 'node_modules', 'upload-response');
  await run(process.execPath, ['scripts/install.mjs'], {
    cwd: folder,
    env: { ...process.env, npm_config_build_from_source: 'true' },
    timeout: 900_000,
  });
  assert.deepEqual(await readdir(join(folder, 'build', 'Release')), ['upload_response.node']);
});
