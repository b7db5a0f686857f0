import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect as connectNode } from 'node:http2';
import { after, before, test } from 'node:test';
import { encodeHeaders, type Header } from '../../../src/protocols/hpks/index.js';
import { SlotFlag } from '../../../src/ring/index.js';
import { ErrorCode, Flag, FrameType } from '../../support/http2/frames.js';
import { block } from '../../support/http2/hpack.js';
import { RawHttp2, type RawHttp2Options, requestFields } from '../../support/http2/raw-http2.js';
import { TestServer } from '../../support/test-server.js';
import { within } from '../../support/until.js';

let server: TestServer;
/** Node's own client, which reads what a raw one does not: header fields and trailers. */
let node: ClientHttp2Session;
before(async () => {
  server = await TestServer.start({
    http: { keepAliveTimeoutMs: 60_000, maxHeadBytes: 2 ** 18 },
    segment: {
      pools: [
        { name: 'uploads', streams: 8, slotSize: 2 ** 17, requestSlots: 8, responseSlots: 4 },
      ],
    },
  });
  const origin = `https://127.0.0.1:${server.port('https', 'http2')}`;
  node = connectNode(origin, { rejectUnauthorized: false });
});
after(async () => {
  node?.destroy();
  await server?.stop();
});

const connect = (options?: RawHttp2Options) =>
  RawHttp2.connect(server.port('http', 'http2'), options);

interface NodeAnswer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Sends a request and reads its whole answer. */
function ask(
  path: string,
  { method = 'POST', body = '', trailers = {} as Record<string, string> } = {},
): Promise<NodeAnswer> {
  const request = node.request(
    { ':method': method, ':path': path },
    { endStream: false, waitForTrailers: true },
  );
  request.on('wantTrailers', () => request.sendTrailers(trailers));
  request.end(body);
  const answer = new Promise<NodeAnswer>((resolve, reject) => {
    let headers: NodeAnswer['headers'] = {};
    let seen: NodeAnswer['trailers'] = {};
    let text = '';
    request.on('response', (fields) => {
      headers = fields as unknown as NodeAnswer['headers'];
    });
    request.on('trailers', (fields) => {
      seen = fields as unknown as NodeAnswer['trailers'];
    });
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    request.on('error', reject);
    request.on('end', () => resolve({ headers, trailers: seen, body: text }));
  });
  return within(answer, 'an answer');
}

/** Asks a worker for a response with these fields and this body. */
const status = (
  options: Readonly<Record<string, string | number>>,
  fields: readonly Header[] = [],
  method = 'POST',
) => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) query.append(name, String(value));
  for (const [name, value] of fields) query.append(`h.${name}`, value);
  return ask(`/upload/status?${query}`, { method });
};

test('an answer has a date and the worker’s fields', async () => {
  const { headers, body } = await status({ code: 201, body: 'hello' }, [['x-kept', 'yes']]);
  assert.deepEqual([headers[':status'], headers['x-kept'], body], [201, 'yes', 'hello']);
  assert.ok(Date.parse(String(headers.date)) > 0);
});

test('the worker’s Content-Length and Date are kept', async () => {
  const date = 'Tue, 01 Jan 2030 00:00:00 GMT';
  const fields = [
    ['content-length', '5'],
    ['date', date],
  ] as const;
  const { headers, body } = await status({ body: 'hello' }, fields);
  assert.deepEqual([headers['content-length'], headers.date, body], ['5', date, 'hello']);
});

test('fields of HTTP/1.1’s connections stay behind', async () => {
  const { headers } = await status({}, [
    ['connection', 'x-private, close'],
    ['x-private', '1'],
    ['keep-alive', 'timeout=9'],
    ['transfer-encoding', 'gzip'],
    ['upgrade', 'h2c'],
    ['http2-settings', 'AAMAAABk'],
    ['te', 'trailers'],
    ['x-public', '1'],
  ]);
  // The length is there when the end of the answer is known with its head.
  const own = ['date', 'content-length'];
  const names = Object.keys(headers).filter((name) => !own.includes(name));
  assert.deepEqual(names, [':status', 'x-public']);
});

test('lines of one field become one value, but not those of Set-Cookie', async () => {
  const { headers } = await status({}, [
    ['vary', 'accept'],
    ['vary', 'origin'],
    ['etag', '"a"'],
    ['etag', '"b"'],
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
    ['x-space', ' padded\t'],
  ]);
  assert.deepEqual(
    [headers.vary, headers.etag, headers['set-cookie'], headers['x-space']],
    ['accept, origin', '"a", "b"', ['a=1', 'b=2'], 'padded'],
  );
});

test('a head above 64 KB is sent too', async () => {
  const client = await connect();
  const value = 'v'.repeat(65_500);
  const bytes = block(requestFields(`/upload/status?h.x=${value}`));
  client.frame(FrameType.headers, Flag.endStream, 1, bytes.subarray(0, 1000));
  client.frame(FrameType.continuation, Flag.endHeaders, 1, bytes.subarray(1000));
  assert.equal((await client.answer(1)).status, 200);
  await client.isAlive();
  client.destroy();
});

for (const [method, code] of [
  ['HEAD', 200],
  ['POST', 204],
  ['POST', 304],
  ['POST', 205],
  ['HEAD', 404],
] as const) {
  test(`${method} with ${code} has no body, whatever the worker writes`, async () => {
    const { headers, body } = await status({ code, body: 'must not be sent' }, [], method);
    assert.deepEqual([headers[':status'], body], [code, '']);
    await server.free();
  });
}

test('HEAD keeps the length that GET would have, and an error has no body', async () => {
  const { headers } = await status({}, [['content-length', '1234']], 'HEAD');
  assert.equal(headers['content-length'], '1234');
  const error = await ask('/nowhere', { method: 'HEAD' });
  assert.deepEqual([error.headers[':status'], error.body], [404, '']);
});

test('trailers travel both ways, without those that change the message', async () => {
  const trailers = { 'x-sum': 'abc', 'set-cookie': 'a=b' };
  const answer = await ask('/upload/echo', { body: 'data', trailers });
  assert.equal(answer.body, 'data');
  assert.deepEqual(Object.entries(answer.trailers), [['x-sum', 'abc']]);
});

test('a body that is cut ends in a reset, and the connection goes on', async () => {
  const client = await connect();
  client.open(1, '/upload/fail?head');
  await client.sees(({ type }) => type === FrameType.data, 'the beginning of the answer');
  client.data(1, '', true);
  const { status: code, body, ended, reset } = await client.answer(1);
  assert.deepEqual(
    [code, body.toString(), ended, reset],
    [200, 'begun\n', false, ErrorCode.internalError],
  );
  client.open(3, '/upload/echo');
  client.data(3, 'next', true);
  assert.equal((await client.answer(3)).body.toString(), 'next');
  client.destroy();
  await server.free();
});

test('a worker that stops in its answer: a reset after the idle time', async () => {
  const impatient = await TestServer.start({ limits: { responseIdleTimeoutMs: 200 } });
  try {
    const client = await RawHttp2.connect(impatient.port('http', 'http2'));
    client.open(1, '/upload/status?wait=60000&body=late', true);
    assert.equal(await client.reset(1), ErrorCode.internalError);
    assert.equal(client.answerSoFar(1).ended, false);
    client.destroy();
    await impatient.free();
  } finally {
    await impatient.stop();
  }
});

const head = (...headers: readonly Header[]) =>
  encodeHeaders(1, { kind: 'response', version: 1, status: 200, headers });
const slot = (flags: number, bytes: Uint8Array) => `${flags}:${Buffer.from(bytes).toString('hex')}`;

for (const [name, slots] of [
  ['bytes that are no head', slot(SlotFlag.head, Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))],
  ['a body before the head', slot(SlotFlag.body, Buffer.from('x'))],
  ['two lengths', slot(SlotFlag.head, head(['content-length', '1'], ['content-length', '2']))],
] as const) {
  test(`a worker that writes ${name}: 502, and the connection goes on`, async () => {
    const client = await connect();
    client.open(1, '/upload/raw', true, [['x-slots', slots]]);
    const { status: code, body } = await client.answer(1);
    assert.deepEqual([code, JSON.parse(body.toString()).error], [502, 'INVALID_RESPONSE']);
    await client.isAlive();
    client.destroy();
    await server.free();
  });
}
