import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { sample } from '../../conformance/tools.js';
import { Opcode, RawWebSocket } from '../../support/raw-websocket.js';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { TestSocket } from '../../support/websocket.js';

describe('failures as close codes', () => {
  const rate = { minRateBytesPerSecond: 1000, minRateGraceMs: 500 };
  // Each with the one limit that it is about: a worker may be late for another one.
  for (const [path, body, ends, limits, code, reason] of [
    ['nobody', 'x', true, { noWorkerTimeoutMs: 300 }, 1013, '503 NO_WORKER: '],
    ['silent', 'x', true, { responseTimeoutMs: 300 }, 1011, '504 RESPONSE_TIMEOUT: '],
    ['fail', 'x', true, {}, 1011, '502 WORKER_FAILED: '],
    ['silent', 'x'.repeat(1001), false, { maxBodyBytes: 1000 }, 1009, '413 BODY_TOO_LARGE: '],
    ['silent', 'x', false, rate, 1008, '408 UPLOAD_TOO_SLOW: '],
    ['status?code=100', 'x', true, {}, 1011, '502 INVALID_RESPONSE: '],
  ] as const) {
    test(`${reason}closes with ${code}`, async () => {
      const server = await TestServer.start({ limits });
      try {
        const client = await TestSocket.open(server, `/upload/${path}`);
        client.send(Buffer.from(body));
        if (ends) client.send();
        const closed = await client.close();
        assert.equal(closed.code, code);
        assert.ok(closed.reason.startsWith(reason), closed.reason);
        assert.equal(client.messages.length, 0);
        await server.free();
      } finally {
        await server.stop();
      }
    });
  }

  test('with the head the error is a message, and the close says the same', async () => {
    const server = await TestServer.start({ limits: { noWorkerTimeoutMs: 300 }, workers: 0 });
    try {
      const protocols = ['upload-response.head.v1'];
      const client = await TestSocket.open(server, '/upload/nobody', { protocols });
      client.send();
      const { message, remedy, ...error } = await client.nextJson();
      assert.deepEqual(error, {
        type: 'error',
        status: 503,
        headers: [['retry-after', '1']],
        error: 'NO_WORKER',
      });
      assert.ok(message && remedy);
      assert.equal((await client.close()).code, 1013);
      await server.free();
    } finally {
      await server.stop();
    }
  });
});

describe('pings', () => {
  /** Longer than a busy machine stands still. */
  const silenceTimeoutMs = 2500;
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({
      transports: { websocket: { pingIntervalMs: 100, silenceTimeoutMs } },
    });
  });
  afterEach(() => server.free());
  after(() => server?.stop());

  test('a peer that is dead does not keep its stream', async () => {
    const reports = server.worker.reports.length;
    const client = await RawWebSocket.open(server.port(), '/upload/silent');
    client.send(Opcode.binary, 'and then nothing');
    await server.worker.report('reading', reports);
    assert.equal((await client.next()).opcode, Opcode.ping);
    assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
    await client.ending();
  });

  test('a peer that answers pings keeps it', async () => {
    const client = await TestSocket.open(server, '/upload/echo');
    const opened = performance.now();
    let pings = 0;
    client.socket.on('ping', () => pings++);
    const isLong = () => performance.now() - opened > 1.5 * silenceTimeoutMs;
    await until(() => isLong() && pings > 5, 'more than the silence that is allowed');
    client.send(Buffer.from('still here'));
    client.send();
    assert.equal((await client.body()).toString(), 'still here');
  });

  test('a peer that is not read, since the ring is full, is not taken for dead', async () => {
    const client = await TestSocket.open(server, '/upload/slow?ms=80');
    for (let i = 0; i < 60; i++) client.send(sample(65_536));
    client.send();
    assert.equal(JSON.parse((await client.body()).toString()).bytes, 60 * 65_536);
  });
});

test('a client that does not answer the close is cut off', async () => {
  const server = await TestServer.start({ transports: { websocket: { closeTimeoutMs: 200 } } });
  try {
    const client = await RawWebSocket.open(server.port(), '/upload/early');
    assert.equal((await client.rest()).code, 1000);
    await client.ending();
    const connections = () => server.server.stats().transports.websocket?.connections;
    await until(() => connections() === 0, 'the connection to be forgotten');
  } finally {
    await server.stop();
  }
});

test('draining finishes what runs, closes what is idle, and ends', async () => {
  const server = await TestServer.start();
  try {
    const running = await TestSocket.open(server, '/upload/overlap');
    assert.equal((await running.next()).data.toString(), 'first\n');
    const protocols = ['upload-response.v1'];
    const idle = await TestSocket.open(server, '/upload/hash', { protocols });
    const busy = await TestSocket.open(server, '/upload/overlap', { protocols, scheme: 'wss' });
    busy.say({ type: 'open' });
    assert.equal((await busy.nextJson()).type, 'head');

    const drained = server.server.drain(new AbortController().signal);
    assert.equal((await idle.close()).code, 1001);
    running.send(Buffer.from('more'));
    running.send();
    assert.match((await running.body()).toString(), /^4 /);
    assert.equal((await running.close()).code, 1000);
    busy.say({ type: 'end' });
    assert.match((await busy.body()).toString(), /^first\n0 /);
    assert.equal((await busy.nextJson()).type, 'end');
    assert.equal((await busy.close()).code, 1001);
    await within(drained, 'the drain');
  } finally {
    await server.stop();
  }
});

test('draining cuts what is left when its time is over; closing does at once', async () => {
  const server = await TestServer.start();
  try {
    const reports = server.worker.reports.length;
    const client = await TestSocket.open(server, '/upload/silent');
    const detached = await TestSocket.open(server, '/upload/silent');
    detached.socket.close(1000);
    await until(() => server.server.ingress.active === 2, 'two streams');
    const aborts = () =>
      server.worker.reports.slice(reports).filter(({ event }) => event === 'failed');
    await until(
      () => server.worker.reports.slice(reports).filter((r) => r.event === 'claimed').length === 2,
      'two claims',
    );
    detached.terminate();
    await within(server.server.drain(AbortSignal.timeout(100)), 'the drain');
    await client.close();
    await until(() => aborts().length === 2, 'both workers to be told');
    assert.deepEqual(
      aborts().map(({ abort }) => abort),
      ['SHUTTING_DOWN', 'SHUTTING_DOWN'],
    );
  } finally {
    await server.stop();
  }
});

test('closing a busy server ends it', async () => {
  const server = await TestServer.start();
  const client = await TestSocket.open(server, '/upload/overlap');
  await client.next();
  await within(server.server.close(), 'the close');
  await client.close();
  await within(server.worker.exited, 'the worker to notice');
  await server.stop();
});
