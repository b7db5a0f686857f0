// A C worker of a server with several processes: it outlives the one that had let it in.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { until } from '../support/until.js';
import { CWorker, compile, mustRun, programs, root, tallyOf } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-capi-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const cli = join(root, 'dist/cli/main.js');
const socket = join(folder, 'control.sock');

interface ServerWorker {
  readonly pid: number;
  readonly name: string;
  readonly arbiter: boolean;
}

async function start(t: TestContext): Promise<() => string> {
  const pool = ['--set', 'segment.pools.uploads.streams=8'];
  const args = ['serve', '--json', '--port', '0', '--processes', '2', '--socket', socket, ...pool];
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGTERM'));
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  await until(() => output.includes('"event":"listening"'), 'the server to listen', 60_000);
  return () => output;
}

async function workers(): Promise<readonly ServerWorker[]> {
  const { stdout } = await mustRun(process.execPath, [
    cli,
    'inspect',
    '--json',
    '--socket',
    socket,
  ]);
  return (JSON.parse(stdout) as { workers: ServerWorker[] }).workers;
}

test('a C worker outlives the arbiter', { timeout: 120_000 }, async (t) => {
  const output = await start(t);
  const url = /"(http:\/\/[^"]+)"/.exec(output())?.[1] ?? '';
  const program = await compile(join(programs, 'worker.c'), folder);
  const worker = await CWorker.start(t, socket, [program, 'count']);
  const body = Buffer.from('abc');
  const put = async () => (await fetch(url, { method: 'PUT', body })).text();
  assert.equal(await put(), tallyOf(body));
  const arbiter = (await workers()).find((one) => one.arbiter);
  process.kill(arbiter?.pid as number, 'SIGKILL');
  await until(async () => {
    const now = await workers().catch(() => []);
    return now.some((one) => one.arbiter && one.pid !== arbiter?.pid);
  }, 'another arbiter');
  assert.equal(await put(), tallyOf(body));
  assert.ok(!worker.output.includes('SERVER_GONE'), worker.output);
  const pid = worker.process.pid;
  assert.ok(
    (await workers()).some((one) => one.pid === pid),
    'it has its row',
  );
  assert.equal(await worker.stop(), 0);
});
