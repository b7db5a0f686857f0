import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server?.stop());

const post = (path: string, body: string, ...headers: readonly string[]) =>
  [
    `POST ${path} HTTP/1.1`,
    'host: localhost',
    `content-length: ${body.length}`,
    ...headers,
    '',
    body,
  ].join('\r\n');

for (const scheme of ['http', 'https'] as const) {
  test(`${scheme}: pipelined requests are answered in order, more than there are streams`, async () => {
    const client = await RawClient.connect(server.port(scheme), scheme);
    const count = 100;
    let requests = '';
    for (let i = 0; i < count; i++) requests += post('/upload/echo', `body ${i}`);
    client.send(requests);
    for (let i = 0; i < count; i++) {
      const { status, body } = await client.response();
      assert.deepEqual([status, body.toString()], [200, `body ${i}`]);
    }
    client.destroy();
    await server.free();
  });
}

test('a quick answer waits for a slow one before it', async () => {
  const client = await RawClient.connect(server.port());
  client.send(post('/upload/status?wait=100&body=slow', 'x'));
  client.send(post('/upload/status?body=quick', 'x'));
  client.send('GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n');
  client.send(post('/upload/status?body=last', 'x'));
  assert.equal((await client.response()).body.toString(), 'slow');
  assert.equal((await client.response()).body.toString(), 'quick');
  assert.equal((await client.response()).status, 404);
  assert.equal((await client.response()).body.toString(), 'last');
  client.destroy();
});

test('an error that leaves nothing unread keeps the connection', async () => {
  const impatient = await TestServer.start({ limits: { noWorkerTimeoutMs: 3000 } });
  try {
    const client = await RawClient.connect(impatient.port());
    client.send(post('/upload/fail', 'x'));
    client.send(post('/upload/nobody', 'x'));
    client.send(post('/upload/echo', 'still here'));
    assert.equal((await client.response()).status, 502);
    assert.equal((await client.response()).status, 503);
    assert.equal((await client.response()).body.toString(), 'still here');
    client.destroy();
  } finally {
    await impatient.stop();
  }
});

test('nothing is answered after a response that closes the connection', async () => {
  const client = await RawClient.connect(server.port());
  client.send(post('/upload/echo', 'one', 'connection: close'));
  client.send(post('/upload/echo', 'two'));
  const { headers, body } = await client.response();
  assert.deepEqual([headers.get('connection'), body.toString()], ['close', 'one']);
  assert.equal(await client.ending(), 'end');
  assert.equal(client.received, '');
  await server.free();
});

test('a request that waits for its turn is dropped when its client leaves', async () => {
  const client = await RawClient.connect(server.port());
  const reports = server.worker.reports.length;
  client.send(post('/upload/silent', 'x') + post('/upload/echo', 'x'));
  await server.worker.report('claimed', reports);
  client.destroy();
  assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  await server.free();
  const claims = server.worker.reports.slice(reports).filter(({ event }) => event === 'claimed');
  assert.equal(claims.length, 1);
});

test('500 requests on one connection leave nothing behind', async () => {
  const client = await RawClient.connect(server.port());
  for (let i = 0; i < 500; i++) {
    client.send(post('/upload/echo', `${i}`));
    assert.equal((await client.response()).body.toString(), `${i}`);
  }
  client.destroy();
  await server.free();
});

test('a malformed request after good ones is answered in its place', async () => {
  const client = await RawClient.connect(server.port());
  client.send(post('/upload/status?wait=50&body=good', 'x'));
  client.send('NOT A REQUEST\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'good');
  const { status, headers, body } = await client.response();
  assert.deepEqual([status, headers.get('connection')], [400, 'close']);
  assert.equal(JSON.parse(body.toString()).error, 'BAD_REQUEST');
  assert.equal(await client.ending(), 'end');
});
