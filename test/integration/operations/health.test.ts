import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { describe, test } from 'node:test';
import { Scrape } from '../../support/prometheus.js';
import { RawClient } from '../../support/raw-client.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { ask } from './support.js';

const never = new AbortController().signal;

async function withServer(
  options: TestServerOptions,
  run: (server: TestServer, admin: string) => Promise<void>,
): Promise<void> {
  const server = await TestServer.start({ ...options, admin: { port: 0, ...options.admin } });
  try {
    await run(server, server.server.admin?.url as string);
  } finally {
    await server.stop();
  }
}

const failing = ({ body }: Awaited<ReturnType<typeof ask>>): string[] =>
  Object.entries(body.checks as Record<string, { ok: boolean }>)
    .filter(([, { ok }]) => !ok)
    .map(([name]) => name);

describe('health', () => {
  test('is said in JSON, with or without workers', () =>
    withServer({ workers: 0 }, async (server, admin) => {
      for (const base of [server.url(''), admin]) {
        const live = await ask(`${base}/healthz`);
        assert.deepEqual(live, {
          status: 200,
          body: { status: 'ok', process: 'server', checks: { segment: { ok: true } } },
        });
        const ready = await ask(`${base}/readyz`);
        assert.deepEqual(ready, {
          status: 200,
          body: {
            status: 'ready',
            process: 'server',
            checks: {
              segment: { ok: true },
              listening: { ok: true },
              accepting: { ok: true },
              workers: { ok: true, attached: 0, wanted: 0 },
              memory: { ok: true },
            },
          },
        });
      }
    }));

  test('is said over HTTP/2 too, as metrics are', () =>
    withServer({ workers: 0, limits: { noWorkerTimeoutMs: 10 } }, async (server) => {
      const session = connectHttp2(`https://localhost:${server.port('https')}`, {
        ca: readFileSync(server.file('cert.pem')),
      });
      try {
        for (const path of ['/healthz', '/readyz', '/metrics', '/upload/none']) {
          const stream = session.request({ ':path': path });
          const [headers] = await once(stream, 'response');
          const text = (await stream.setEncoding('utf8').toArray()).join('');
          if (path === '/metrics') assert.ok(new Scrape(text).families.size > 20);
          else if (path === '/upload/none') assert.equal(headers[':status'], 503);
          else assert.ok(JSON.parse(text).checks.segment.ok);
        }
      } finally {
        session.destroy();
      }
    }));

  test('needs no credentials where everything else does', () =>
    withServer({ workers: 0, auth: { anonymous: ['read'] } }, async (server) => {
      for (const path of ['/healthz', '/readyz']) {
        assert.equal((await ask(server.url(path))).status, 200, path);
      }
      assert.equal((await ask(server.url('/metrics'))).status, 401);
    }));
});

describe('readiness', () => {
  test('can wait for workers', () =>
    withServer({ workers: 0, admin: { minWorkers: 1 } }, async (server, admin) => {
      const before = await ask(`${admin}/readyz`);
      assert.deepEqual([before.status, before.body.status], [503, 'not ready']);
      assert.deepEqual(failing(before), ['workers']);
      assert.equal((await ask(`${admin}/healthz`)).status, 200);
      const worker = await server.addWorker();
      assert.equal((await ask(`${admin}/readyz`)).status, 200);
      await worker.kill();
      const gone = async () => (await ask(`${admin}/readyz`)).status === 503;
      await until(gone, 'readiness to end with the worker');
    }));

  test('an observer is no worker that answers', () => {
    const options = { workers: 0, observers: ['watch'], admin: { minWorkers: 1 } };
    return withServer(options, async (_, admin) => {
      assert.deepEqual(failing(await ask(`${admin}/readyz`)), ['workers']);
    });
  });

  test('ends where memory does', () =>
    withServer({ workers: 0, admin: { minMemoryBytes: 2 ** 50 } }, async (_, admin) => {
      assert.deepEqual(failing(await ask(`${admin}/readyz`)), ['memory']);
    }));
});

describe('a drain', () => {
  test('is told to whoever asks, until the last upload has ended', () =>
    withServer({}, async (server, admin) => {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/overlap', 'transfer-encoding: chunked');
      await client.sees('first');
      assert.equal((await ask(`${admin}/readyz`)).status, 200);
      const drained = server.server.drain(never);
      const ready = await ask(`${admin}/readyz`);
      assert.deepEqual([ready.status, failing(ready)], [503, ['accepting']]);
      assert.equal((await ask(`${admin}/healthz`)).status, 200);
      assert.equal((await fetch(`${admin}/metrics`)).status, 200);
      await assert.rejects(RawClient.connect(server.port()));
      client.send('0\r\n\r\n');
      assert.equal((await client.response()).status, 200);
      await within(drained, 'the drain');
      assert.equal((await ask(`${admin}/readyz`)).status, 503);
    }));

  test('can be announced first', () => {
    const announceMs = 2 ** 31 - 1;
    return withServer({ shutdown: { announceMs } }, async (server, admin) => {
      const stop = new AbortController();
      const drained = server.server.drain(stop.signal);
      assert.equal((await ask(`${admin}/readyz`)).status, 503);
      assert.equal((await ask(server.url('/readyz'))).status, 503);
      const sent = await fetch(server.url('/upload/echo'), { method: 'POST', body: 'still' });
      assert.equal(await sent.text(), 'still');
      // The deadline ends the announcement too.
      stop.abort();
      await within(drained, 'the drain');
      await assert.rejects(RawClient.connect(server.port()));
    });
  });
});
