import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { sample, sha256 } from '../../conformance/tools.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { TestSocket } from '../../support/websocket.js';

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
afterEach(() => server.free());
after(() => server?.stop());

test('an empty message ends the request, and the answer comes as binary messages', async () => {
  const client = await TestSocket.open(server, '/upload/hash');
  const body = sample(300_000);
  client.send(body.subarray(0, 100_000));
  client.send(body.subarray(100_000));
  client.send();
  const { data, isBinary } = await client.next();
  assert.equal(isBinary, true);
  assert.deepEqual(
    [JSON.parse(data.toString()).bytes, JSON.parse(data.toString()).sha256],
    [300_000, sha256(body)],
  );
  assert.deepEqual(await client.close(), { code: 1000, reason: '' });
});

test('a normal close ends the request, and the answer still comes before the close', async () => {
  for (const code of [undefined, 1000]) {
    const client = await TestSocket.open(server, '/upload/hash');
    client.send(Buffer.from('whole'));
    client.socket.close(code);
    const answer = JSON.parse((await client.body()).toString());
    assert.equal(answer.sha256, sha256(Buffer.from('whole')));
    assert.equal((await client.close()).code, 1000);
  }
});

test('a client that closes normally and leaves at once has its request worked on', async () => {
  const { completedTotal = 0 } = server.server.ingress.stats().transports.websocket ?? {};
  const reports = server.worker.reports.length;
  const client = await TestSocket.open(server, '/upload/slow?ms=20');
  for (let i = 0; i < 5; i++) client.send(sample(70_000));
  client.socket.close(1000);
  await server.worker.report('reading', reports);
  client.terminate();
  await until(
    () => server.server.ingress.stats().transports.websocket?.completedTotal === completedTotal + 1,
    'the work to be done',
  );
  assert.equal(
    server.worker.reports.slice(reports).find(({ event }) => event === 'failed'),
    undefined,
  );
});

test('a close with another code, and none at all, give the request up', async () => {
  for (const leave of [
    (client: TestSocket) => client.socket.close(1001),
    (client: TestSocket) => client.socket.close(4000, 'changed my mind'),
    (client: TestSocket) => client.terminate(),
  ]) {
    const reports = server.worker.reports.length;
    const client = await TestSocket.open(server, '/upload/silent');
    client.send(sample(1000));
    await server.worker.report('reading', reports);
    leave(client);
    assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  }
});

test('the head comes first as text where it is asked for', async () => {
  for (const [path, protocols] of [
    ['/upload/status?code=404&h.x-reason=none&body=sorry&ur-head=1', []],
    ['/upload/status?code=404&h.x-reason=none&body=sorry', ['upload-response.head.v1']],
  ] as const) {
    const client = await TestSocket.open(server, path, { protocols });
    assert.equal(client.socket.protocol, protocols[0] ?? '');
    client.send();
    assert.deepEqual(await client.nextJson(), {
      type: 'head',
      status: 404,
      headers: [['x-reason', 'none']],
    });
    assert.equal((await client.body()).toString(), 'sorry');
    assert.equal((await client.close()).code, 1000);
  }
});

test('without it the status is not seen, and the body is all there is', async () => {
  const client = await TestSocket.open(server, '/upload/status?code=404&body=sorry');
  client.send();
  assert.equal((await client.body()).toString(), 'sorry');
  assert.equal((await client.close()).code, 1000);
});

test('the first protocol that both know is spoken; unknown ones alone leave it at none', async () => {
  const protocols = ['mqtt', 'upload-response.head.v1', 'upload-response.v1'];
  const client = await TestSocket.open(server, '/upload/hash', { protocols });
  assert.equal(client.socket.protocol, 'upload-response.head.v1');
  client.terminate();
  // This client gives up by itself, as a browser does, when none is chosen.
  await assert.rejects(TestSocket.open(server, '/upload/hash', { protocols: ['mqtt'] }));
});

test('workers see a POST with the fields of the upgrade, and nothing of the connection', async () => {
  const path = '/upload/head?a=1&ur-head=1&ur-length=2&b=2';
  const headers = { 'X-Mine': 'yes', Cookie: 'a=b', Origin: `http://127.0.0.1:${server.port()}` };
  const client = await TestSocket.open(server, path, { headers });
  client.send(Buffer.from('ab'));
  client.send();
  await client.nextJson();
  const seen = JSON.parse((await client.body()).toString()) as [string, string][];
  assert.deepEqual(Object.fromEntries(seen), {
    host: `127.0.0.1:${server.port()}`,
    'x-mine': 'yes',
    cookie: 'a=b',
    origin: `http://127.0.0.1:${server.port()}`,
    'content-length': '2',
  });
});

test('a declared length is the length that must come', async () => {
  for (const [length, sent] of [
    [5, 'four'],
    [5, 'sixsix'],
  ] as const) {
    const client = await TestSocket.open(server, `/upload/hash?ur-length=${length}`);
    client.send(Buffer.from(sent));
    client.send();
    const { code, reason } = await client.close();
    assert.equal(code, 1002);
    assert.match(reason, /^400 BAD_REQUEST: .*declared length/);
  }
});

test('text is refused, and so are bytes after the end', async () => {
  const text = await TestSocket.open(server, '/upload/silent');
  text.send('text');
  assert.equal((await text.close()).code, 1003);
  assert.match((await text.close()).reason, /^415 TEXT_REFUSED: /);
  const late = await TestSocket.open(server, '/upload/silent');
  late.send();
  late.send();
  late.send(Buffer.from('late'));
  assert.equal((await late.close()).code, 1002);
  assert.match((await late.close()).reason, /^400 BAD_MESSAGE: .*has ended/);
});

test('an answer begins before the request ends, and may end before it', async () => {
  const overlap = await TestSocket.open(server, '/upload/overlap');
  overlap.send(Buffer.from('some'));
  assert.equal((await overlap.next()).data.toString(), 'first\n');
  overlap.send();
  assert.match((await overlap.body()).toString(), /^4 /);
  const early = await TestSocket.open(server, '/upload/early');
  assert.equal((await early.body()).toString(), 'early');
  assert.equal((await early.close()).code, 1000);
});

test('a failure within the answer is a close that says so', async () => {
  const client = await TestSocket.open(server, '/upload/fail?head');
  assert.equal((await client.next()).data.toString(), 'begun\n');
  // It fails when it has the whole request.
  client.send();
  const { code, reason } = await client.close();
  assert.equal(code, 1011);
  assert.match(reason, /^502 WORKER_FAILED: /);
});

test('it is counted as a transport of its own', async () => {
  const connections = () => server.server.stats().transports.websocket?.connections;
  await until(() => connections() === 0, 'the connections before to be forgotten');
  const before = server.server.stats().transports.websocket;
  const client = await TestSocket.open(server, '/upload/echo');
  const during = server.server.stats().transports;
  assert.equal(during.websocket?.connections, 1);
  assert.equal(during.http1?.connections, 0);
  client.send();
  await client.close();
  await until(() => connections() === 0, 'the connection to be forgotten');
  const after = server.server.stats().transports.websocket;
  assert.equal(after?.requestsTotal, (before?.requestsTotal ?? 0) + 1);
  assert.equal(after?.connectionsTotal, (before?.connectionsTotal ?? 0) + 1);
});
