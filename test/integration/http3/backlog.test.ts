import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sample, sha256 } from '../../conformance/tools.js';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { Http3Client } from './support.js';

const TIMEOUT = { timeout: 240_000 };
const MB = 2 ** 20;

/** Writes all of `parts` and ends; resolves also where the server takes no more. */
async function pour(client: Http3Client, path: string, part: Uint8Array, count: number) {
  const length = String(part.length * count);
  const request = client.open(path, { 'content-length': length });
  const poured = (async () => {
    for (let i = 0; i < count; i++) await request.write(part);
    request.end();
  })().catch(() => {});
  return { request, poured };
}

function start(budgets: { budgetBytes: number; streamBudgetBytes?: number }) {
  const { budgetBytes, streamBudgetBytes = budgetBytes } = budgets;
  return TestServer.start({
    transports: { http3: { enabled: true, port: 0, budgetBytes, streamBudgetBytes } },
    limits: { noWorkerTimeoutMs: 60_000, evictAfterMs: 60_000 },
  });
}

describe('what waits of requests over HTTP/3', () => {
  test('a slow worker holds its client back: nothing is lost, little waits', TIMEOUT, async () => {
    const budgetBytes = 16 * MB;
    const server = await start({ budgetBytes });
    const client = new Http3Client(server);
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, server.server.ingress.stats().waitingBytes);
    }, 5);
    try {
      const part = sample(MB);
      const { request, poured } = await pour(client, '/upload/slow?ms=1', part, 100);
      const { status, body } = await client.response(request);
      await poured;
      assert.equal(status, 200);
      const seen = JSON.parse(body);
      const whole = Array.from({ length: 100 }, () => part);
      assert.deepEqual([seen.bytes, seen.sha256], [100 * MB, sha256(...whole)]);
      assert.ok(peak >= budgetBytes / 2, `only ${peak} bytes have waited: nothing was held back`);
      assert.ok(peak <= budgetBytes, `${peak} bytes have waited`);
      await server.free();
      assert.equal(server.server.ingress.stats().waitingBytes, 0);
    } finally {
      clearInterval(timer);
      client.process.kill();
      await server.stop();
    }
  });

  test('slow requests slow the others down, and none is lost', TIMEOUT, async () => {
    const server = await start({ budgetBytes: 16 * MB });
    const client = new Http3Client(server);
    try {
      const part = sample(MB);
      const slow = await Promise.all(
        Array.from({ length: 4 }, () => pour(client, '/upload/slow?ms=1', part, 20)),
      );
      const quick = await client.post('/upload/hash', part);
      assert.equal(JSON.parse(quick.body).sha256, sha256(part));
      for (const { request } of slow) {
        const { status, body } = await client.response(request);
        assert.deepEqual([status, JSON.parse(body).bytes], [200, 20 * MB]);
      }
    } finally {
      client.process.kill();
      await server.stop();
    }
  });

  test('a request that passes its own budget is refused, the others go on', TIMEOUT, async () => {
    const server = await start({ budgetBytes: 64 * MB, streamBudgetBytes: 2 * MB });
    const client = new Http3Client(server);
    try {
      const from = server.worker.reports.length;
      const { request } = await pour(client, '/upload/slow?ms=50', sample(MB), 40);
      const { status, headers, body } = await client.response(request);
      assert.equal(status, 503);
      assert.equal(headers['retry-after'], '1');
      assert.equal(JSON.parse(body).error, 'BACKLOG_LIMIT');
      const { abort } = await server.worker.report('failed', from);
      assert.equal(abort, 'BACKLOG_LIMIT');
      assert.equal((await client.post('/upload/hash', 'small')).status, 200);
      await server.free();
      assert.equal(server.server.ingress.stats().waitingBytes, 0);
    } finally {
      client.process.kill();
      await server.stop();
    }
  });

  test('after the head of its response such a request is reset', TIMEOUT, async () => {
    const server = await start({ budgetBytes: 64 * MB, streamBudgetBytes: MB });
    const client = new Http3Client(server);
    try {
      // Its response begins before it reads, and takes nothing: the worker waits for room.
      const request = client.open('/upload/echo', { 'content-length': String(64 * MB) });
      await within(request.first('response'), 'the head');
      server.worker.signal('SIGSTOP');
      const part = sample(MB);
      void (async () => {
        for (let i = 0; i < 64; i++) await request.write(part);
      })().catch(() => {});
      await assert.rejects(within(request.first('end'), 'the reset'));
      server.worker.signal('SIGCONT');
      await server.free();
      await until(() => server.server.ingress.stats().waitingBytes === 0, 'nothing to wait');
    } finally {
      client.process.kill();
      await server.stop();
    }
  });

  test('an unread request is read away after its answer, within bounds', TIMEOUT, async () => {
    const http3 = { enabled: true, port: 0, lingerBytes: MB, lingerMs: 2000 };
    const server = await TestServer.start({ transports: { http3 } });
    const client = new Http3Client(server);
    try {
      const request = client.open('/upload/early', { 'content-length': String(10 ** 12) });
      const part = sample(MB);
      let stopped = false;
      // The client sends on until it is told to stop.
      const pouring = (async () => {
        for (;;) await request.write(part);
      })().catch(() => {
        stopped = true;
      });
      await within(request.first('end'), 'the whole answer');
      const body = request.reports.map(({ data }) => Buffer.from(data ?? '').toString()).join('');
      assert.equal(body, 'early');
      await within(pouring, 'the client to be stopped');
      assert.equal(stopped, true);
    } finally {
      client.process.kill();
      await server.stop();
    }
  });
});
