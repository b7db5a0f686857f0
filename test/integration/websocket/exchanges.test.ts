import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { sample, sha256 } from '../../conformance/tools.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { answerOf, closedWith, TestSocket } from '../../support/websocket.js';

const PROTOCOLS = { protocols: ['upload-response.v1'] };

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
afterEach(() => server.free());
after(() => server?.stop());

test('several exchanges follow one another on one connection', async () => {
  const client = await TestSocket.open(server, '/upload/hash', PROTOCOLS);
  for (const size of [0, 1, 65_536, 300_000]) {
    const body = sample(size);
    client.say({ type: 'open', length: size });
    for (let at = 0; at < size; at += 100_000) client.send(body.subarray(at, at + 100_000));
    client.say({ type: 'end' });
    const answer = await answerOf(client);
    assert.deepEqual(answer.first, { type: 'head', status: 200, headers: [] });
    assert.equal(JSON.parse(answer.body).sha256, sha256(body));
    assert.deepEqual(answer.last, { type: 'end' });
  }
  client.socket.close(1000);
  await closedWith(client, 1000, /^$/);
});

test('requests may be sent ahead: the answers come in their order', async () => {
  const client = await TestSocket.open(server, '/upload/slow?ms=1', PROTOCOLS);
  const count = 30;
  for (let i = 0; i < count; i++) {
    client.say({ type: 'open' });
    client.send(sample(70_000 + i));
    client.send();
  }
  for (let i = 0; i < count; i++) {
    assert.equal(JSON.parse((await answerOf(client)).body).bytes, 70_000 + i);
  }
  await until(() => server.server.ingress.active === 0, 'every exchange to be over');
  client.terminate();
});

test('each exchange has path, fields, trailers and length of its own', async () => {
  const client = await TestSocket.open(server, '/upload/echo?of=the+connection', {
    ...PROTOCOLS,
    headers: { 'X-All': 'connection', 'X-One': 'connection' },
  });
  client.say({
    type: 'open',
    path: '/upload/head?of=its+own',
    headers: [
      ['X-One', 'exchange'],
      ['X-Two', 'a'],
      ['X-Two', 'b'],
      ['Connection', 'x-hop'],
      ['X-Hop', 'not end-to-end'],
      ['Host', 'elsewhere'],
      ['Content-Length', '99'],
    ],
    length: 3,
  });
  client.send(Buffer.from('abc'));
  client.say({ type: 'end' });
  // The worker keeps the last of several fields of one name.
  assert.deepEqual(Object.fromEntries(JSON.parse((await answerOf(client)).body)), {
    host: `127.0.0.1:${server.port()}`,
    'x-all': 'connection',
    'x-one': 'exchange',
    'x-two': 'b',
    'content-length': '3',
  });
  client.say({ type: 'open' });
  client.send(Buffer.from('echo'));
  client.say({ type: 'end', trailers: [['X-Checksum', 'abc']] });
  const echo = await answerOf(client);
  assert.deepEqual(
    [echo.body, echo.last],
    ['echo', { type: 'end', trailers: [['x-checksum', 'abc']] }],
  );
  client.terminate();
});

test('a failure before the head, and one after it, end their exchange and no other', async () => {
  const client = await TestSocket.open(server, '/upload/fail', PROTOCOLS);
  client.say({ type: 'open' });
  client.say({ type: 'end' });
  const before = await answerOf(client);
  assert.deepEqual(
    [before.first.type, before.first.status, before.first.error],
    ['error', 502, 'WORKER_FAILED'],
  );
  client.say({ type: 'open', path: '/upload/fail?head' });
  assert.equal((await client.nextJson()).type, 'head');
  assert.equal((await client.next()).data.toString(), 'begun\n');
  // It fails when it has the whole request.
  client.say({ type: 'end' });
  const last = await client.nextJson();
  assert.deepEqual([last.type, last.error], ['error', 'WORKER_FAILED']);
  client.say({ type: 'open', path: '/upload/early' });
  client.say({ type: 'end' });
  assert.equal((await answerOf(client)).body, 'early');
  client.terminate();
});

test('the rest of a request that was answered early is read away up to its end', async () => {
  const client = await TestSocket.open(server, '/upload/early', PROTOCOLS);
  client.say({ type: 'open' });
  client.send(sample(1000));
  assert.equal((await answerOf(client)).body, 'early');
  for (let i = 0; i < 50; i++) client.send(sample(100_000));
  client.say({ type: 'end' });
  client.say({ type: 'open', path: '/upload/hash' });
  client.say({ type: 'end' });
  assert.equal(JSON.parse((await answerOf(client)).body).bytes, 0);
  client.terminate();
});

test('an exchange that is given up ends with an error, and the connection goes on', async () => {
  const reports = server.worker.reports.length;
  const client = await TestSocket.open(server, '/upload/silent', PROTOCOLS);
  client.say({ type: 'open' });
  client.send(sample(1000));
  await server.worker.report('reading', reports);
  client.say({ type: 'abort' });
  assert.equal((await answerOf(client)).first.error, 'CLIENT_GONE');
  assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  // In the middle of a long answer, of which a part is under way to the client.
  client.say({ type: 'open', path: `/upload/bytes?n=${2 ** 25}` });
  client.say({ type: 'end' });
  assert.equal((await client.nextJson()).type, 'head');
  client.say({ type: 'abort' });
  const body = await client.body();
  assert.ok(body.length < 2 ** 25 && body.every((byte) => byte === 0x61));
  assert.equal((await client.nextJson()).error, 'CLIENT_GONE');
  // Too late, and harmless.
  client.say({ type: 'abort' });
  client.say({ type: 'open', path: '/upload/early' });
  client.say({ type: 'end' });
  assert.equal((await answerOf(client)).body, 'early');
  client.terminate();
});

test('a client that closes or leaves gives up what is not whole, and only that', async () => {
  for (const [ends, leave, expected] of [
    [false, (client: TestSocket) => client.socket.close(1000), 'CLIENT_GONE'],
    [false, (client: TestSocket) => client.terminate(), 'CLIENT_GONE'],
    [true, (client: TestSocket) => client.terminate(), 'CLIENT_GONE'],
  ] as const) {
    const reports = server.worker.reports.length;
    const client = await TestSocket.open(server, '/upload/silent', PROTOCOLS);
    client.say({ type: 'open' });
    client.send(sample(1000));
    if (ends) client.say({ type: 'end' });
    await server.worker.report('reading', reports);
    leave(client);
    assert.equal((await server.worker.report('failed', reports)).abort, expected);
    await client.close();
  }
  const client = await TestSocket.open(server, '/upload/slow?ms=10', PROTOCOLS);
  for (let i = 0; i < 3; i++) {
    client.say({ type: 'open' });
    client.send(sample(100_000));
    client.say({ type: 'end' });
  }
  client.socket.close(1000);
  for (let i = 0; i < 3; i++) {
    assert.equal(JSON.parse((await answerOf(client)).body).bytes, 100_000);
  }
  await closedWith(client, 1000, /^$/);
});

test('a client that reads no answers is not read either', async () => {
  const client = await TestSocket.open(server, '/upload/echo', PROTOCOLS);
  client.socket.pause();
  const requests = () => server.server.stats().transports.websocket?.requestsTotal ?? 0;
  const before = requests();
  const count = 150_000;
  for (let i = 0; i < count; i++) client.say({ type: 'open', path: '/elsewhere' });
  let seen = -1;
  let since = 0;
  await until(() => {
    if (requests() !== seen) since = performance.now();
    seen = requests();
    return performance.now() - since > 200;
  }, 'the server to stop reading');
  assert.ok(seen - before < count, 'everything was read');
  client.terminate();
});

test('an idle connection is closed, and one that never ends a request that was answered', async () => {
  const idleTimeoutMs = 2000;
  const hasty = await TestServer.start({ transports: { websocket: { idleTimeoutMs } } });
  try {
    const isClosed = async () => {
      const client = await TestSocket.open(hasty, '/upload/early', PROTOCOLS);
      await closedWith(client, 1001, /idle/);
    };
    const isTooSlow = async () => {
      const client = await TestSocket.open(hasty, '/upload/early', PROTOCOLS);
      client.say({ type: 'open' });
      assert.equal((await answerOf(client)).body, 'early');
      await closedWith(client, 1008, /^408 UPLOAD_TOO_SLOW/);
    };
    const isBusy = async () => {
      const client = await TestSocket.open(hasty, '/upload/overlap', PROTOCOLS);
      client.say({ type: 'open' });
      await client.nextJson();
      const opened = performance.now();
      const isLong = () => performance.now() - opened > 1.5 * idleTimeoutMs;
      await until(isLong, 'more than the time for idle ones');
      client.say({ type: 'end' });
      assert.match((await client.body()).toString(), /^first\n0 /);
      client.terminate();
    };
    await Promise.all([isClosed(), isTooSlow(), isBusy()]);
  } finally {
    await hasty.stop();
  }
});
