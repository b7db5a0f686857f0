import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { WorkerOptions } from '../../../src/worker/index.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { sdkWorker, TestProcess } from './sdk-process.js';

const bounded = { timeout: 240_000 };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function setUp(t: TestContext, options: TestServerOptions = {}) {
  const server = await TestServer.start({ ...options, workers: 0 });
  const workers: TestProcess[] = [];
  t.after(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    await server.stop();
  });
  const start = async (more: WorkerOptions = {}) => {
    const worker = await sdkWorker(server.server.socket, more);
    workers.push(worker);
    return worker;
  };
  return { server, start, url: (path: string) => server.url(`/upload/${path}`) };
}

const put = async (url: string, body: string | Uint8Array) => fetch(url, { method: 'PUT', body });

/** A client that sends in steps; `answer` resolves with the response's head. */
function upload(url: string) {
  const out = request(url, { method: 'PUT' });
  const answer = once(out, 'response').then(([message]) => message as IncomingMessage);
  answer.catch(() => undefined);
  out.on('error', () => undefined);
  return { out, answer };
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part);
  return Buffer.concat(parts);
}

test(
  'many uploads, several worker processes: each is answered once and right',
  bounded,
  async (t) => {
    // Each takes what it is offered, however late it gets to run.
    const limits = { claimPatienceMs: 20_000 };
    const { server, start, url } = await setUp(t, { limits, segment: { pools: [POOL] } });
    const workers = await Promise.all([start({ verify: true }), start(), start({ copy: true })]);
    const pids = new Set<number>();
    const one = async (size: number) => {
      const body = randomBytes(size);
      const answer = await put(url('hash'), body);
      const result = (await answer.json()) as { pid: number; sha256: string };
      assert.equal(result.sha256, sha256(body));
      pids.add(result.pid);
    };
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 16 }, (_, i) => one(i * 50_000 + 1)));
    }
    const taken = () => workers.reduce((sum, worker) => sum + worker.count('taken'), 0);
    await until(() => taken() >= 80, 'the reports of all');
    assert.equal(taken(), 80);
    assert.equal(pids.size, 3);
    await server.free();
  },
);

/** Room for the concurrent uploads above. */
const POOL = { name: 'uploads', streams: 32, requestSlots: 8, responseSlots: 4 };

test(
  'an echo streams both ways at once, and a client that does not read slows it down',
  bounded,
  async (t) => {
    const { server, start, url } = await setUp(t);
    await start();
    const { out, answer } = upload(url('echo'));
    const parts = Array.from({ length: 40 }, () => randomBytes(100_000));
    out.write(parts[0]);
    const message = await answer;
    assert.equal(message.headers['x-worker'], 'sdk');
    const reading = read(message);
    for (const part of parts.slice(1)) {
      if (!out.write(part)) await once(out, 'drain');
    }
    out.end();
    assert.equal(sha256(await reading), sha256(Buffer.concat(parts)));

    const slow = upload(url('big'));
    slow.out.end();
    const waiting = await slow.answer;
    const worker = await start();
    assert.ok(worker.alive);
    assert.equal((await read(waiting)).length, 200 * 100_000);
    await server.free();
  },
);

test('kill -9: another worker gets the whole request', bounded, async (t) => {
  const { server, start, url } = await setUp(t);
  const first = await start();
  const body = randomBytes(300_000);
  const answer = put(url('wait'), body);
  await first.report('waiting');
  const second = await start();
  first.signal('SIGKILL');
  await second.report('waiting');
  second.tell('go on');
  const result = (await (await answer).json()) as { sha256: string };
  assert.equal(result.sha256, sha256(body));
  await server.free();
});

test(
  'a client that goes: the worker sees CLIENT_GONE, and the stream is free',
  bounded,
  async (t) => {
    const { server, start, url } = await setUp(t);
    const worker = await start();
    const { out } = upload(url('abort'));
    out.write(randomBytes(1000));
    await worker.report('taken');
    out.destroy();
    assert.equal((await worker.report('aborted')).code, 'CLIENT_GONE');
    await server.free();
  },
);

test(
  'a worker that does not answer in time sees RESPONSE_TIMEOUT, its client 504',
  bounded,
  async (t) => {
    const { server, start, url } = await setUp(t, { limits: { responseTimeoutMs: 3000 } });
    const worker = await start();
    const answer = await put(url('abort'), 'body');
    assert.equal(answer.status, 504);
    assert.equal((await worker.report('aborted')).code, 'RESPONSE_TIMEOUT');
    await server.free();
  },
);

test('a handler that throws: 502 at once, and the worker goes on', bounded, async (t) => {
  const { server, start, url } = await setUp(t);
  const worker = await start();
  assert.equal((await put(url('throws'), 'body')).status, 502);
  assert.equal((await worker.report('failed')).code, 'mine');
  assert.equal((await put(url('hash'), 'body')).status, 200);
  await server.free();
});

test('a reader that does not move is evicted, and says so', bounded, async (t) => {
  const { server, start, url } = await setUp(t, { limits: { evictAfterMs: 100 } });
  const worker = await start();
  const { out, answer } = upload(url('stuck'));
  out.write(Buffer.alloc(3_000_000));
  assert.equal((await answer).statusCode, 502);
  out.destroy();
  assert.equal((await worker.report('failed')).code, 'EVICTED');
  assert.equal((await put(url('hash'), 'body')).status, 200);
  await server.free();
});

test('SIGTERM: what runs is finished, what is new goes elsewhere', bounded, async (t) => {
  const { server, start, url } = await setUp(t);
  const first = await start();
  const running = put(url('wait'), 'body');
  await first.report('waiting');
  first.signal('SIGTERM');
  const second = await start();
  await until(
    () => server.server.segment.native.workers().some(({ pid }) => pid === second.pid),
    'the second worker',
  );
  const other = (await (await put(url('hash'), 'body')).json()) as { pid: number };
  assert.equal(other.pid, second.pid);
  first.tell('go on');
  assert.equal((await running).status, 200);
  assert.equal(await first.exited, 0);
  await server.free();
});

test('required observers pass and veto; plain ones only look', bounded, async (t) => {
  const { server, start, url } = await setUp(t, {
    segment: { pools: [POOL], requiredObservers: ['scan'] },
  });
  await start();
  const scans = await Promise.all(
    [1, 2].map(() => start({ observer: { name: 'scan', required: true } })),
  );
  const plain = await start({ observer: true });
  const good = randomBytes(1_000_000);
  const { out, answer } = upload(url('hash'));
  out.write(good.subarray(0, 1000));
  await plain.report('observing');
  out.end(good.subarray(1000));
  assert.equal((await answer).statusCode, 200);
  (await answer).resume();
  const bad = await put(url('hash'), Buffer.concat([good, Buffer.from('virus')]));
  assert.equal(bad.status, 422);
  assert.match(await bad.text(), /it holds a virus/);
  assert.equal((await plain.report('observed')).size, 1_000_000);
  const observed = () => scans.reduce((sum, worker) => sum + worker.count('observed'), 0);
  await until(() => observed() >= 2, 'the reports of both');
  assert.equal(observed(), 2);
  await server.free();
});

test(
  'the server is killed and started again: workers attach again by themselves',
  bounded,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ur-restart-'));
    const socket = join(folder, 's.sock');
    const processes: TestProcess[] = [];
    t.after(async () => {
      await Promise.all(processes.map((one) => one.kill()));
      rmSync(folder, { recursive: true, force: true });
    });
    const startServer = async () => {
      const server = new TestProcess('server-process.ts', [socket]);
      processes.push(server);
      const { port } = await server.report('listening');
      return { server, url: (path: string) => `http://127.0.0.1:${port}/upload/${path}` };
    };
    const first = await startServer();
    const worker = await sdkWorker(socket);
    processes.push(worker);
    const lost = put(first.url('abort'), 'body');
    await worker.report('taken');
    first.server.signal('SIGKILL');
    await assert.rejects(lost);
    assert.equal((await worker.report('aborted')).code, 'SERVER_GONE');
    const second = await startServer();
    await worker.report('attached', 2);
    assert.equal((await put(second.url('hash'), 'body')).status, 200);
    assert.equal(worker.count('detached'), 1);
  },
);
