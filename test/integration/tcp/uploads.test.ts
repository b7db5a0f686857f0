import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, within } from '../../support/until.js';
import { answerOf, connect, statsOf, withServer } from './support.js';

const TIMEOUT = { timeout: 60_000 };

test('a half-close ends the request, and the answer is bytes and nothing else', TIMEOUT, () =>
  withServer(async (server) => {
    const client = await connect(server, '/echo');
    client.send('one ');
    await client.sees('one ');
    client.send('two');
    client.finish();
    assert.equal(await answerOf(client), 'one two');
    const { requestsTotal, refusedTotal } = statsOf(server);
    assert.deepEqual([requestsTotal, refusedTotal], [1, {}]);
  }),
);

test('workers see the head of the origin', TIMEOUT, () =>
  withServer(async (server) => {
    const client = await connect(server, '/head');
    const { address } = client;
    client.send('x');
    client.finish();
    assert.deepEqual(JSON.parse(await answerOf(client)), [['x-peer-addr', address]]);
    assert.ok(!server.log.some((line) => line.includes('/tcp/')), 'the log has the path as it is');
  }),
);

test('a connection without a byte is no request', TIMEOUT, () =>
  withServer(async (server) => {
    const probe = await connect(server);
    probe.finish();
    assert.equal(await answerOf(probe), '');
    const gone = await connect(server);
    await until(() => statsOf(server).connectionsTotal === 2, 'the second connection');
    gone.reset();
    assert.deepEqual([statsOf(server).requestsTotal, server.worker.reports.length], [0, 1]);
  }),
);

test('an answer before the end of the request arrives; the rest is read away', TIMEOUT, () =>
  withServer(async (server) => {
    const client = await connect(server, '/early');
    client.send('begun');
    await client.sees('early');
    assert.equal(await client.ending(), 'end');
    const before = statsOf(server).connections;
    client.send(Buffer.alloc(2 ** 20));
    await until(() => client.unsent === 0, 'the rest to be taken');
    client.finish();
    assert.deepEqual([before, client.received], [1, 'early']);
  }),
);

test('who does not end after the answer is cut', TIMEOUT, () =>
  withServer(
    async (server) => {
      for (const rest of [0, 2 ** 22]) {
        const client = await connect(server, '/early');
        client.send('begun');
        assert.equal(await client.ending(), 'end');
        if (rest > 0) client.send(Buffer.alloc(rest));
        await until(() => statsOf(server).connections === 0, 'the cut');
        client.destroy();
      }
    },
    { lingerMs: 500, lingerBytes: 2 ** 16 },
  ),
);

test('a client that resets ends the work, and the worker knows why', TIMEOUT, () =>
  withServer(async (server) => {
    const client = await connect(server, '/silent');
    client.send(Buffer.alloc(200_000));
    await server.worker.report('reading');
    client.reset();
    assert.equal((await server.worker.report('failed')).abort, 'CLIENT_GONE');
  }),
);

test('a client that does not read its answer is waited for, in fixed memory', TIMEOUT, () =>
  withServer(async (server) => {
    const n = 64 * 2 ** 20;
    const client = await connect(server, `/bytes?n=${n}`);
    client.pause();
    client.send('x');
    client.finish();
    const { native } = server.server.segment;
    const response = () => native.streams()[0]?.lanes[1];
    await until(() => response()?.full === true, 'a full response lane');
    client.resume();
    await until(() => client.ended, 'the end');
    assert.equal(client.receivedBytes, n);
  }),
);

test('a client that takes nothing of its answer for too long is cut', TIMEOUT, () =>
  withServer(
    async (server) => {
      const n = 64 * 2 ** 20;
      const client = await connect(server, `/bytes?n=${n}`);
      client.pause();
      client.send('x');
      client.finish();
      const ended = () =>
        server.log.some((line) => line.includes('it took nothing of the response'));
      await until(ended, 'the end of the stream');
      client.resume();
      await client.ending();
      assert.ok(client.receivedBytes < n);
    },
    {},
    { limits: { clientStallTimeoutMs: 500 } },
  ),
);

test('with answers as head-and-body each has its line, errors too', TIMEOUT, () =>
  withServer(
    async (server) => {
      for (const [path, status, body] of [
        ['/status?code=418&body=short&h.x-one=1', 418, /^short$/],
        ['/fail', 502, /"error":"WORKER_FAILED"/],
      ] as const) {
        const client = await connect(server, path);
        client.send('x');
        client.finish();
        const [line = '', rest = ''] = (await answerOf(client)).split('\n');
        const head = JSON.parse(line);
        assert.equal(head.status, status);
        assert.ok(Array.isArray(head.headers[0]));
        assert.match(rest, body);
      }
    },
    { answers: 'head-and-body' },
  ),
);

test('a drain sends away who has not begun, and lets the others finish', TIMEOUT, () =>
  withServer(async (server) => {
    const running = await connect(server, '/echo');
    running.send('begun ');
    await running.sees('begun ');
    const waiting = await connect(server);
    await until(() => statsOf(server).connections === 2, 'both');
    const drained = server.server.drain(new AbortController().signal);
    assert.match(await answerOf(waiting), /^ERROR 503 SHUTTING_DOWN /);
    running.send('ended');
    running.finish();
    assert.equal(await answerOf(running), 'begun ended');
    await within(drained, 'the drain');
  }),
);

test('when the time of a drain is over, what runs is reset', TIMEOUT, () =>
  withServer(async (server) => {
    const running = await connect(server, '/echo');
    running.send('begun');
    await running.sees('begun');
    const time = new AbortController();
    const drained = server.server.drain(time.signal);
    time.abort();
    assert.equal(await running.ending(), 'reset');
    await within(drained, 'the drain');
  }),
);
