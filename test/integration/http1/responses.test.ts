import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeHeaders, type Header } from '../../../src/protocols/hpks/index.js';
import { SlotFlag } from '../../../src/ring/index.js';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server?.stop());

const query = (options: Readonly<Record<string, string | number>>) =>
  new URLSearchParams(
    Object.entries(options).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();

async function ask(method: string, options: Readonly<Record<string, string | number>>) {
  const client = await RawClient.connect(server.port());
  client.head(`${method} /upload/status?${query(options)}`, 'content-length: 0');
  return { client, response: await client.response(method) };
}

/** The connection is still in step: another request on it is answered. */
async function stillInStep(client: RawClient): Promise<void> {
  client.head('POST /upload/echo', 'content-length: 4');
  client.send('next');
  assert.equal((await client.response()).body.toString(), 'next');
  client.destroy();
}

test('an answer has a date, and is chunked when nobody knows its length', async () => {
  const { client, response } = await ask('POST', { body: 'hello' });
  assert.ok(Date.parse(response.headers.get('date') ?? '') > 0);
  assert.equal(response.headers.get('transfer-encoding'), 'chunked');
  assert.equal(response.body.toString(), 'hello');
  await stillInStep(client);
});

test('the worker’s Content-Length and Date are kept', async () => {
  const { client, response } = await ask('POST', {
    body: 'hello',
    'h.content-length': 5,
    'h.date': 'Tue, 01 Jan 2030 00:00:00 GMT',
  });
  assert.equal(response.headers.get('content-length'), '5');
  assert.equal(response.headers.get('transfer-encoding'), undefined);
  assert.equal(response.headers.get('date'), 'Tue, 01 Jan 2030 00:00:00 GMT');
  await stillInStep(client);
});

test('an answer that ends at once has a length of 0', async () => {
  // The worker writes head and end apart: now and then the server sees only the head, and sends that.
  for (let length: string | undefined, tries = 0; length !== '0'; tries++) {
    const { client, response } = await ask('POST', {});
    assert.equal(response.body.length, 0);
    length = response.headers.get('content-length');
    assert.ok(tries < 20, 'the end never came with the head');
    await stillInStep(client);
  }
});

for (const [method, code] of [
  ['HEAD', 200],
  ['POST', 204],
  ['POST', 304],
  ['POST', 205],
  ['HEAD', 404],
] as const) {
  test(`${method} with ${code} has no body, whatever the worker writes`, async () => {
    const { client, response } = await ask(method, { code, body: 'must not be sent' });
    assert.equal(response.status, code);
    assert.equal(response.body.length, 0);
    assert.equal(response.headers.get('transfer-encoding'), undefined);
    await stillInStep(client);
  });
}

test('an announcement of trailers that cannot come is dropped', async () => {
  const { client, response } = await ask('POST', {
    body: 'abc',
    'h.content-length': 3,
    'h.trailer': 'x-sum',
  });
  assert.deepEqual([response.status, response.headers.get('trailer')], [200, undefined]);
  await stillInStep(client);
  const chunked = await ask('POST', { body: 'abc', 'h.trailer': 'x-sum' });
  assert.equal(chunked.response.headers.get('trailer'), 'x-sum');
  chunked.client.destroy();
});

test('HEAD keeps the length that GET would have', async () => {
  const { client, response } = await ask('HEAD', { 'h.content-length': 1234 });
  assert.equal(response.headers.get('content-length'), '1234');
  await stillInStep(client);
});

test('hop-by-hop fields and what Connection names stay behind', async () => {
  const { client, response } = await ask('POST', {
    'h.connection': 'close, x-private',
    'h.x-private': 'secret',
    'h.transfer-encoding': 'gzip',
    'h.keep-alive': 'timeout=999',
    'h.upgrade': 'h2c',
    'h.x-public': 'kept',
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-public'), 'kept');
  for (const name of ['x-private', 'upgrade']) assert.equal(response.headers.get(name), undefined);
  assert.equal(response.headers.get('keep-alive'), 'timeout=5');
  await stillInStep(client);
});

test('the worker sees no hop-by-hop field either', async () => {
  const client = await RawClient.connect(server.port());
  client.head(
    'POST /upload/head',
    'X-Kept: 1',
    'x-kept: 2',
    'connection: keep-alive, x-secret',
    'x-secret: 1',
    'te: trailers',
    'content-length: 0',
  );
  const { body } = await client.response();
  assert.deepEqual(JSON.parse(body.toString()), [
    ['host', 'localhost'],
    ['x-kept', '2'],
    ['content-length', '0'],
  ]);
  client.destroy();
});

test('trailers travel both ways, without those that change the message', async () => {
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/echo', 'transfer-encoding: chunked', 'trailer: x-sum');
  client.chunk('data');
  client.send('0\r\nx-sum: abc\r\nset-cookie: a=b\r\n\r\n');
  const { body, trailers } = await client.response();
  assert.equal(body.toString(), 'data');
  assert.deepEqual([...trailers], [['x-sum', 'abc']]);
  await stillInStep(client);
});

test('HTTP/1.0 gets a body that ends with the connection', async () => {
  const client = await RawClient.connect(server.port());
  client.send('GET /upload/status?body=old HTTP/1.0\r\n\r\n');
  const { body, headers } = await client.response();
  assert.deepEqual([body.toString(), headers.get('transfer-encoding')], ['old', undefined]);
});

test('a cut body for HTTP/1.0 ends in a reset: a clean end would look whole', async () => {
  const client = await RawClient.connect(server.port());
  client.send('POST /upload/fail?head HTTP/1.0\r\ncontent-length: 1\r\n\r\n');
  await client.sees('begun');
  client.send('x');
  assert.equal(await client.ending(), 'reset');
});

for (const scheme of ['http', 'https'] as const) {
  test(`${scheme}: a cut body ends in a reset`, async () => {
    const client = await RawClient.connect(server.port(scheme), scheme);
    client.head('POST /upload/fail?head', 'content-length: 1');
    await client.sees('begun');
    client.send('x');
    assert.equal(await client.ending(), 'reset');
    assert.doesNotMatch(client.received, /\r\n0\r\n\r\n$/);
    await server.free();
  });
}

test('a body that is not as long as its Content-Length never comes to a clean end', async () => {
  for (const body of ['abc', '']) {
    const options = query({ body, 'h.content-length': 2 });
    const client = await RawClient.connect(server.port());
    client.head(`POST /upload/status?${options}`, 'content-length: 0');
    // The server has seen it before it sent the head, or not.
    const answer = await client.response().catch(() => undefined);
    if (answer) {
      assert.equal(answer.status, 502);
      assert.equal(JSON.parse(answer.body.toString()).error, 'INVALID_RESPONSE');
      await stillInStep(client);
    } else {
      assert.equal(await client.ending(), 'reset');
    }
  }
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/status?wait=50&body=abc&h.content-length=5', 'content-length: 0');
  await client.sees('content-length: 5');
  assert.equal(await client.ending(), 'reset');
  await server.free();
});

test('a worker that stops in its answer: the connection is reset after the idle time', async () => {
  const impatient = await TestServer.start({ limits: { responseIdleTimeoutMs: 200 } });
  try {
    const client = await RawClient.connect(impatient.port());
    client.head('POST /upload/status?wait=60000', 'content-length: 0');
    await client.sees('200 OK');
    assert.equal(await client.ending(), 'reset');
    await impatient.free();
  } finally {
    await impatient.stop();
  }
});

const head = (status: number, headers: readonly Header[] = []) =>
  encodeHeaders(1, { kind: 'response', version: 1, status, headers });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const slot = (flags: number, bytes: Uint8Array) => `${flags}:${hex(bytes)}`;

/** HPKS of a response whose one header value is these bytes: the encoder would refuse it. */
function forged(name: string, value: string): Uint8Array {
  const bytes = Buffer.from(head(200, [[name, 'x'.repeat(value.length)]]));
  bytes.write(value, bytes.length - value.length, 'latin1');
  return bytes;
}

const requestHead = encodeHeaders(1, {
  kind: 'request',
  version: 1,
  method: 'GET',
  path: '/',
  headers: [],
});

/** Slots that a worker must not write. */
const invalid: readonly (readonly [string, string])[] = [
  ['bytes that are no head', slot(SlotFlag.head, Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))],
  ['a truncated head', slot(SlotFlag.head, head(200).subarray(0, 16))],
  ['something after the head', slot(SlotFlag.head, Buffer.concat([head(200), Buffer.from('x')]))],
  ['a request head', slot(SlotFlag.head, requestHead)],
  ['a body before the head', slot(SlotFlag.body, Buffer.from('x'))],
  ['an interim status', slot(SlotFlag.head, head(100))],
  ['101', slot(SlotFlag.head, head(101))],
  ['a status of 600', slot(SlotFlag.head, head(600))],
  ['CR LF in a value', slot(SlotFlag.head, forged('x', 'a\r\nset-cookie: b'))],
  ['LF in a value', slot(SlotFlag.head, forged('x', 'a\nb: c'))],
  ['NUL in a value', slot(SlotFlag.head, forged('x', 'a\0b'))],
  [
    'two lengths',
    slot(
      SlotFlag.head,
      head(200, [
        ['content-length', '1'],
        ['content-length', '2'],
      ]),
    ),
  ],
  ['a length that is no number', slot(SlotFlag.head, head(200, [['content-length', '1, 1']]))],
  ['a negative length', slot(SlotFlag.head, head(200, [['content-length', '-1']]))],
];

for (const [name, slots] of invalid) {
  test(`a worker that writes ${name}: 502, and the connection goes on`, async () => {
    const client = await RawClient.connect(server.port());
    client.head('POST /upload/raw', `x-slots: ${slots}`, 'content-length: 0');
    const { status, body } = await client.response();
    assert.equal(status, 502, body.toString());
    assert.equal(JSON.parse(body.toString()).error, 'INVALID_RESPONSE');
    await stillInStep(client);
    await server.free();
  });
}

/** Slots that are wrong after a head that has been sent. */
const cut: readonly (readonly [string, string])[] = [
  ['two heads', [slot(SlotFlag.head, head(200)), slot(SlotFlag.head, head(200))].join()],
  [
    'a body after trailers',
    [
      slot(SlotFlag.head, head(200)),
      slot(SlotFlag.trailers, head(200, [['x', 'y']])),
      slot(SlotFlag.body, Buffer.from('late')),
    ].join(),
  ],
];

for (const [name, slots] of cut) {
  test(`a worker that writes ${name} gets no clean end`, async () => {
    const client = await RawClient.connect(server.port());
    client.head('POST /upload/raw', `x-slots: ${slots}`, 'content-length: 0');
    const outcome = await Promise.race([
      client.ending(),
      client.response().then(({ status }) => status),
    ]).catch(() => 'reset');
    assert.ok(outcome === 'reset' || outcome === 502, String(outcome));
    client.destroy();
    await server.free();
  });
}
