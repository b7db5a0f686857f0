import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';

let server: TestServer;
before(async () => {
  server = await TestServer.start({ http: { maxHeadBytes: 4096 } });
});
after(() => server?.stop());

const H = 'host: localhost';

/** What is sent, and the status and error code that must come back. */
const cases: readonly (readonly [string, readonly string[], number, string])[] = [
  ['garbage', ['\x00\x01\x02 HTTP/1.1'], 400, 'BAD_REQUEST'],
  ['an HTTP/2 preface', ['PRI * HTTP/2.0', '', 'SM'], 400, 'BAD_REQUEST'],
  ['no version', ['GET /upload'], 400, 'BAD_REQUEST'],
  [
    'Content-Length with Transfer-Encoding',
    ['POST /upload/hash HTTP/1.1', H, 'content-length: 3', 'transfer-encoding: chunked'],
    400,
    'BAD_REQUEST',
  ],
  [
    'Transfer-Encoding with Content-Length',
    ['POST /upload/hash HTTP/1.1', H, 'transfer-encoding: chunked', 'content-length: 3'],
    400,
    'BAD_REQUEST',
  ],
  [
    'two lengths',
    ['POST /upload/hash HTTP/1.1', H, 'content-length: 3', 'content-length: 4'],
    400,
    'BAD_REQUEST',
  ],
  [
    'a negative length',
    ['POST /upload/hash HTTP/1.1', H, 'content-length: -1'],
    400,
    'BAD_REQUEST',
  ],
  [
    'a length of words',
    ['POST /upload/hash HTTP/1.1', H, 'content-length: many'],
    400,
    'BAD_REQUEST',
  ],
  [
    'a huge length',
    ['POST /upload/hash HTTP/1.1', H, 'content-length: 99999999999999999999999'],
    400,
    'BAD_REQUEST',
  ],
  [
    'another coding than chunked',
    ['POST /upload/hash HTTP/1.1', H, 'transfer-encoding: gzip, chunked'],
    400,
    'BAD_REQUEST',
  ],
  [
    'chunked in HTTP/1.0',
    ['POST /upload/hash HTTP/1.0', 'transfer-encoding: chunked'],
    400,
    'BAD_REQUEST',
  ],
  ['no Host', ['GET /upload/hash HTTP/1.1', 'x: y'], 400, 'BAD_REQUEST'],
  ['two Hosts', ['GET /upload/hash HTTP/1.1', H, 'host: other'], 400, 'BAD_REQUEST'],
  ['a Host that is none', ['GET /upload/hash HTTP/1.1', 'host: a b'], 400, 'HPKS_BAD_AUTHORITY'],
  ['a space in a header name', ['GET /upload/hash HTTP/1.1', H, 'a b: c'], 400, 'BAD_REQUEST'],
  ['a control character', ['GET /upload/hash HTTP/1.1', H, 'a: \x01'], 400, 'BAD_REQUEST'],
  ['a malformed escape', ['GET /upload/%zz HTTP/1.1', H], 400, 'BAD_REQUEST'],
  [
    'a large head',
    ['GET /upload/hash HTTP/1.1', H, `x: ${'a'.repeat(5000)}`],
    431,
    'HEAD_TOO_LARGE',
  ],
  ['another path', ['GET /uploads HTTP/1.1', H], 404, 'UNKNOWN_PATH'],
  ['the asterisk', ['OPTIONS * HTTP/1.1', H], 404, 'UNKNOWN_PATH'],
];

for (const [name, lines, status, error] of cases) {
  test(`${name}: ${status} ${error}`, async () => {
    const client = await RawClient.connect(server.port());
    client.send(`${lines.join('\r\n')}\r\n\r\n`);
    const response = await client.response();
    assert.equal(response.status, status, response.body.toString());
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    const body = JSON.parse(response.body.toString());
    assert.equal(body.error, error);
    assert.ok(body.message && body.remedy);
    client.destroy();
    await server.free();
  });
}

test('a malformed chunk fails a request without an answer', async () => {
  const client = await RawClient.connect(server.port());
  const reports = server.worker.reports.length;
  client.head('POST /upload/silent', 'transfer-encoding: chunked');
  client.chunk('good');
  await server.worker.report('reading', reports);
  client.send('zz\r\n');
  const { status, headers, body } = await client.response();
  assert.deepEqual([status, headers.get('connection')], [400, 'close']);
  assert.equal(JSON.parse(body.toString()).error, 'BAD_REQUEST');
  assert.equal((await server.worker.report('failed', reports)).abort, 'BAD_REQUEST');
  assert.equal(await client.ending(), 'end');
  await server.free();
});

test('a malformed chunk after the head of the answer resets the connection', async () => {
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/overlap', 'transfer-encoding: chunked');
  client.chunk('good');
  await client.sees('first');
  client.send('zz\r\n');
  assert.equal(await client.ending(), 'reset');
  await server.free();
});

test('a malformed chunk after the whole answer ends the connection without a second one', async () => {
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/early', 'transfer-encoding: chunked');
  client.chunk('good');
  assert.equal((await client.response()).body.toString(), 'early');
  client.send('zz\r\n');
  await client.ending();
  assert.equal(client.received, '');
  await server.free();
});

test('a head that does not end in time: 408; a body may take longer', async () => {
  const hasty = await TestServer.start({ http: { headTimeoutMs: 2000 } });
  try {
    const client = await RawClient.connect(hasty.port());
    client.head('POST /upload/echo', 'transfer-encoding: chunked');
    client.chunk('begun');
    await client.sees('begun');
    // It begins after the other one, so that its time is over after the time of that one's head.
    const late = await RawClient.connect(hasty.port());
    late.send('GET /upload/hash HTTP/1.1\r\nhost: local');
    const { status, body } = await late.response();
    assert.equal(status, 408);
    assert.equal(JSON.parse(body.toString()).error, 'HEAD_TIMEOUT');
    assert.equal(await late.ending(), 'end');
    client.chunk('the rest');
    client.send('0\r\n\r\n');
    assert.equal((await client.response()).status, 200);
    client.destroy();
  } finally {
    await hasty.stop();
  }
});

test('a client that sends half a body and closes is gone', async () => {
  const client = await RawClient.connect(server.port());
  const reports = server.worker.reports.length;
  client.head('POST /upload/silent', 'content-length: 10');
  client.send('half');
  await server.worker.report('reading', reports);
  client.finish();
  assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  await server.free();
});

test('an absolute target is understood, and its authority counts', async () => {
  const client = await RawClient.connect(server.port());
  client.send(
    'POST http://example.com/upload/head?q=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n',
  );
  const { status, body } = await client.response();
  assert.equal(status, 200);
  assert.ok(body.toString().includes('["host","example.com"]'), body.toString());
  client.destroy();
});

test('a prefix is matched as a whole path segment', async () => {
  const client = await RawClient.connect(server.port());
  for (const [path, status] of [
    ['/upload/head?a=b', 200],
    [`/upload/${'long/'.repeat(200)}head`, 200],
    ['/uploadx/head', 404],
    ['/', 404],
  ] as const) {
    client.head(`GET ${path}`);
    assert.equal((await client.response()).status, status, path);
  }
  client.destroy();
});
