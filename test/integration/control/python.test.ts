import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createToken } from '../../../src/admission/index.js';
import { testWith } from '../../support/program.js';
import type { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, setUp, upload } from './remote.js';

const TIMEOUT_MS = 240_000;
const script = fileURLToPath(new URL('../../../examples/remote-worker.py', import.meta.url));

/** Runs the example as a user does, and waits until it is registered. */
async function start(t: TestContext, server: TestServer, args: string[], env: object = {}) {
  const child: ChildProcess = spawn('python3', ['-X', 'dev', script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (text) => (output += text));
  child.stderr?.on('data', (text) => (output += text));
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  t.after(async () => {
    if (isOver()) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const { native } = server.server.segment;
  await until(() => native.workers().length > 1 || isOver(), 'the worker to register');
  assert.ok(!isOver(), output);
  return { child, output: () => output };
}

testWith(
  'python3',
  'a worker in Python answers 50 MB and much that is small',
  async (t) => {
    const { server, api } = await setUp(t);
    const { child, output } = await start(t, server, [server.url(''), '--id', 'py']);
    for (const size of [0, 1, 65_536, 50_000_000]) {
      const body = noise(size);
      const answer = await within(upload(server, '/from/python', body.bytes), 'the answer');
      const expected = { sha256: body.sha256, size, worker: 'py' };
      assert.deepEqual(await answer.json(), expected, output());
    }
    await until(() => output().includes(': 50000000 bytes'), 'its own word for it');
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.doesNotMatch(output(), /Warning|Traceback/);
    await expectNothingLeft(server, api);
  },
  TIMEOUT_MS,
);

testWith(
  'python3',
  'a worker in Python keeps to its path and goes on after an abort',
  async (t) => {
    const { server, api } = await setUp(t);
    const { child } = await start(t, server, [server.url(''), '--path', '/upload/mine']);
    await server.addWorker();
    const gone = new AbortController();
    const endless = new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(1000)) });
    const aborted = fetch(server.url('/upload/mine'), {
      ...{ method: 'PUT', body: endless, duplex: 'half', signal: gone.signal },
    } as RequestInit);
    await until(async () => {
      const { workers } = await api.ok('GET', '/workers');
      return workers.some(({ inFlight }: { inFlight: number }) => inFlight === 1);
    }, 'the worker to take it');
    gone.abort();
    await assert.rejects(aborted);
    const other = (await (await upload(server, '/hash', 'other')).json()) as { worker: number };
    assert.equal(typeof other.worker, 'number');
    const mine = (await (await upload(server, '/mine', 'x')).json()) as { worker: string };
    assert.match(mine.worker, /^py-/);
    child.kill('SIGTERM');
    await once(child, 'exit');
  },
  TIMEOUT_MS,
);

testWith(
  'python3',
  'a worker in Python works over TLS with a token of its own',
  async (t) => {
    const worker = createToken();
    const { server } = await setUp(t, {
      auth: {
        anonymous: ['publish'],
        tokens: [{ name: 'worker', hash: worker.hash, permissions: [{ action: 'read' }] }],
      },
    });
    const args = [
      `https://localhost:${server.port('https')}`,
      '--ca-file',
      server.file('cert.pem'),
    ];
    const { child, output } = await start(t, server, args, { UR_TOKEN: worker.token });
    const body = noise(1_000_000);
    const answer = (await (await upload(server, '', body.bytes)).json()) as { sha256: string };
    assert.equal(answer.sha256, body.sha256, output());
    child.kill('SIGTERM');
    await once(child, 'exit');
    assert.ok(!output().includes(worker.token));
    const refused = spawn('python3', [script, server.url('')], { stdio: 'ignore' });
    const [code] = await within(once(refused, 'exit'), 'the end of who has no token');
    assert.equal(code, 1);
  },
  TIMEOUT_MS,
);
