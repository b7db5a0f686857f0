import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { metricRows } from '../../../src/metrics/index.js';
import { TRANSPORTS } from '../../../src/transports/registry.js';
import { RawClient } from '../../support/raw-client.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { scrape } from './support.js';

const HTTP1 = { transport: 'http1' };

async function withServer(
  options: TestServerOptions,
  run: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await TestServer.start(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

const name = (short: string): string => `uploadresponse_${short}`;

describe('metrics', () => {
  test('are those of the table, and each has a series of its own transport', () =>
    withServer({}, async (server) => {
      const before = await scrape(server);
      const rows = new Map(metricRows().map((row) => [row.name, row]));
      for (const [found, { type, help, series }] of before.families) {
        const row = rows.get(found);
        assert.ok(row, `${found} is not in the table`);
        assert.deepEqual([type, help], [row.type, row.help]);
        for (const { labels } of series) {
          const { le: _, ...own } = labels;
          assert.deepEqual(Object.keys(own).sort(), [...row.labels].sort(), found);
        }
      }
      // What counts by error code, and what is about media, has nothing to say at the start.
      const missing = [...rows.keys()].filter((one) => !before.families.has(one));
      const media = [...rows.keys()].filter((one) => one.startsWith(name('media_')));
      const others = ['connections_refused_total', 'packet_rtt_seconds', 'requests_refused_total'];
      assert.deepEqual(missing.sort(), [...others.map(name), ...media].sort());
      for (const transport of Object.keys(TRANSPORTS)) {
        assert.equal(before.value(name('streams_opened_total'), { transport }), 0);
        assert.equal(before.value(name('stream_duration_seconds_count'), { transport }), 0);
        assert.ok(before.value(name('requests_total'), { transport }) >= 0);
      }
    }));

  test('count streams, bytes and times of uploads', () =>
    withServer({ workers: 2 }, async (server) => {
      const before = await scrape(server);
      const body = Buffer.alloc(300_000, 'x');
      const echo = await fetch(server.url('/upload/echo'), { method: 'POST', body });
      assert.equal((await echo.arrayBuffer()).byteLength, body.length);
      const early = await fetch(server.url('/upload/early'), { method: 'POST', body: '' });
      assert.equal(await early.text(), 'early');
      await server.free();
      const after = await scrape(server);
      const moved = (short: string, labels = {}) =>
        after.sum(name(short), { ...HTTP1, ...labels }) -
        before.sum(name(short), { ...HTTP1, ...labels });
      assert.equal(moved('streams_opened_total'), 2);
      assert.equal(moved('streams_ended_total', { outcome: 'completed' }), 2);
      assert.equal(moved('streams_ended_total'), 2);
      assert.equal(moved('received_bytes_total'), body.length);
      assert.equal(moved('sent_bytes_total'), body.length + 'early'.length);
      // Two uploads and the second scrape.
      assert.equal(moved('requests_total'), 3);
      for (const times of ['first_worker_byte', 'response_latency', 'stream_duration']) {
        assert.equal(moved(`${times}_seconds_count`), 2, times);
        assert.ok(moved(`${times}_seconds_sum`) >= 0, times);
      }
      const sum = (short: string) => after.value(name(`${short}_seconds_sum`), HTTP1);
      assert.ok(sum('stream_duration') >= sum('first_worker_byte'));
      assert.equal(after.value(name('workers'), { role: 'responder' }), 2);
      assert.equal(after.value(name('workers_attached_total')), 2);
      assert.ok(after.value(name('resident_memory_bytes')) > 10e6);
      assert.ok(after.value(name('cpu_seconds_total'), { mode: 'user' }) > 0);
      assert.ok(after.value(name('event_loop_active_seconds_total')) > 0);
    }));

  test('show a stream that is under way, and a reader that does not move', () =>
    withServer({ limits: { evictAfterMs: 1_000_000 } }, async (server) => {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/hash', 'transfer-encoding: chunked');
      await server.worker.report('reading');
      let one = await scrape(server);
      assert.equal(one.value(name('streams_active'), HTTP1), 1);
      assert.equal(one.value(name('pool_streams'), { pool: 'uploads', state: 'open' }), 1);
      assert.equal(one.value(name('pool_streams'), { pool: 'uploads', state: 'free' }), 7);
      assert.equal(one.value(name('ring_readers'), { lane: 'request' }), 1);
      assert.equal(one.value(name('lanes_full'), { lane: 'request' }), 0);

      server.worker.signal('SIGSTOP');
      client.chunk(Buffer.alloc(4_000_000));
      await until(async () => {
        one = await scrape(server);
        return one.value(name('lanes_full'), { lane: 'request' }) === 1;
      }, 'the lane to be full');
      // The worker has one slot in its hands at most.
      assert.ok(one.value(name('ring_lag_slots'), { lane: 'request' }) >= 7);
      assert.ok(one.value(name('waiting_bytes')) > 0);
      assert.equal(one.value(name('waiting_limit_bytes')), 128 * 2 ** 20);

      server.worker.signal('SIGCONT');
      client.send('0\r\n\r\n');
      assert.equal((await client.response()).status, 200);
      await server.free();
      one = await scrape(server);
      assert.equal(one.value(name('waiting_bytes')), 0);
      assert.equal(one.value(name('streams_active'), HTTP1), 0);
      client.destroy();
    }));

  test('count evictions', () =>
    withServer({ limits: { evictAfterMs: 100 } }, async (server) => {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/stuck', 'content-length: 10000000');
      client.send(Buffer.alloc(2_000_000));
      assert.equal((await client.response()).status, 502);
      const one = await scrape(server);
      assert.equal(one.value(name('reader_evictions_total')), 1);
      const outcome = { ...HTTP1, outcome: 'WORKER_FAILED' };
      assert.equal(one.value(name('streams_ended_total'), outcome), 1);
      client.destroy();
    }));

  test('count deaths and what was re-queued', () =>
    withServer({ workers: 2 }, async (server) => {
      const mark = server.file('mark');
      const url = server.url(`/upload/die-once?mark=${mark}`);
      const { status } = await fetch(url, { method: 'POST', body: 'x' });
      assert.equal(status, 200);
      let one = await scrape(server);
      // The arbiter's report may come after the second worker's answer.
      await until(async () => {
        one = await scrape(server);
        return one.value(name('worker_deaths_total')) === 1;
      }, 'the death to be counted');
      assert.equal(one.value(name('requeues_total')), 1);
      assert.equal(one.value(name('workers'), { role: 'responder' }), 1);
      assert.equal(one.value(name('streams_ended_total'), { ...HTTP1, outcome: 'completed' }), 1);

      const last = await fetch(server.url('/upload/die-answering'), { method: 'POST', body: 'x' });
      await assert.rejects(last.text());
      await server.free();
      await until(async () => {
        one = await scrape(server);
        return one.value(name('worker_deaths_total')) === 2;
      }, 'the second death to be counted');
      assert.equal(one.value(name('streams_ended_total'), { ...HTTP1, outcome: 'WORKER_DIED' }), 1);
      assert.equal(one.value(name('requeues_total')), 1);
    }));

  test('count what was refused, once and by its code', () => {
    const pools = [{ name: 'uploads', streams: 1, requestSlots: 4, responseSlots: 4 }];
    return withServer({ segment: { pools } }, async (server) => {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/silent', 'content-length: 1');
      await server.worker.report('claimed');
      for (const path of ['/upload/echo', '/elsewhere', '/elsewhere']) {
        await fetch(server.url(path), { method: 'POST', body: 'x' });
      }
      const one = await scrape(server);
      const refused = (code: string) =>
        one.value(name('requests_refused_total'), { ...HTTP1, code });
      assert.deepEqual([refused('NO_FREE_STREAM'), refused('UNKNOWN_PATH')], [1, 2]);
      assert.equal(one.sum(name('requests_refused_total')), 3);
      assert.equal(one.sum(name('streams_ended_total')), 0);
      client.destroy();
    });
  });

  test('show a place that is set aside', () =>
    withServer({ limits: { responseTimeoutMs: 300 } }, async (server) => {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/silent', 'content-length: 1');
      await server.worker.report('reading');
      server.worker.signal('SIGSTOP');
      client.send('x');
      assert.equal((await client.response()).status, 504);
      const one = await scrape(server);
      assert.equal(one.value(name('pool_streams'), { state: 'set_aside' }), 1);
      assert.equal(one.value(name('pool_streams'), { state: 'open' }), 0);
      server.worker.signal('SIGCONT');
      await server.free();
      assert.equal((await scrape(server)).value(name('pool_streams'), { state: 'set_aside' }), 0);
      client.destroy();
    }));

  test('show that the event loop was blocked', () =>
    withServer({ workers: 0 }, async (server) => {
      const slow = async () => {
        const one = await scrape(server);
        const upTo = (le: string) => one.value(name('event_loop_delay_seconds_bucket'), { le });
        return upTo('+Inf') - upTo('0.25');
      };
      const before = await slow();
      const end = performance.now() + 400;
      while (performance.now() < end);
      await until(async () => (await slow()) > before, 'a late timer');
    }));
});

describe('who may read metrics', () => {
  test('nobody by HTTP where that is turned off', () =>
    withServer({ workers: 0, admin: { onHttp: false, port: 0 } }, async (server) => {
      for (const path of ['/metrics', '/healthz', '/readyz']) {
        assert.equal((await fetch(server.url(path))).status, 404);
        const own = await fetch(`${server.server.admin?.url}${path}`);
        assert.equal(own.status, 200, path);
      }
    }));

  test('they stand before uploads to any path', () =>
    withServer({ http: { port: 0, prefix: '/' } }, async (server) => {
      const { status } = await fetch(server.url('/hash'), { method: 'POST', body: 'x' });
      assert.equal(status, 200);
      assert.equal((await scrape(server)).value(name('streams_opened_total'), HTTP1), 1);
      const head = await fetch(server.url('/metrics'), { method: 'HEAD' });
      assert.deepEqual([head.status, await head.text()], [200, '']);
    }));

  test('a prefix that would take them is refused', () =>
    assert.rejects(TestServer.start({ workers: 0, http: { prefix: '/metrics' } }), {
      code: 'INVALID_CONFIG',
    }));

  test('a listener of its own must not be reachable by everybody', () =>
    assert.rejects(TestServer.start({ workers: 0, admin: { host: '0.0.0.0', port: 0 } }), {
      code: 'INVALID_CONFIG',
    }));
});
