import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { sample, sha256 } from '../../conformance/tools.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { TestSocket } from '../../support/websocket.js';

const PROTOCOLS = { protocols: ['upload-response.v1'] };

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
afterEach(() => server.free());
after(() => server?.stop());

/** One whole answer: its head or error, its body, and its end. */
async function answerOf(client: TestSocket) {
  const first = await client.nextJson();
  if (first.type === 'error') return { first, body: '', last: first };
  const body = (await client.body()).toString('latin1');
  return { first, body, last: await client.nextJson() };
}

async function closedWith(client: TestSocket, code: number, reason: RegExp): Promise<void> {
  const closed = await client.close();
  assert.equal(closed.code, code, closed.reason);
  assert.match(closed.reason, reason);
}

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
  assert.equal(server.server.ingress.active, 0);
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
  client.say({ type: 'open', path: '/upload/fail?head=20' });
  client.say({ type: 'end' });
  const within = await answerOf(client);
  assert.deepEqual(
    [within.first.type, within.body, within.last.type, within.last.error],
    ['head', 'begun\n', 'error', 'WORKER_FAILED'],
  );
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

test('a refused request costs its exchange alone', async () => {
  const client = await TestSocket.open(server, '/upload/early', PROTOCOLS);
  const answers: unknown[] = [];
  for (const open of [
    { path: '/elsewhere' },
    { path: '/uploads' },
    { path: '/upload/a b' },
    { headers: [['bad name', 'x']] },
    { headers: [['x-bad', 'line\nbreak']] },
    { headers: [['x-bad', '\u2014']] },
    { headers: [['x-large', 'x'.repeat(70_000)]] },
  ]) {
    client.say({ type: 'open', ...open });
    client.send(Buffer.from('a body that nobody wants'));
    client.say({ type: 'end' });
    const { first } = await answerOf(client);
    answers.push([first.type, first.status, first.error]);
  }
  assert.deepEqual(answers, [
    ['error', 404, 'UNKNOWN_PATH'],
    ['error', 404, 'UNKNOWN_PATH'],
    ['error', 400, 'HPKS_BAD_PATH'],
    ['error', 400, 'HPKS_BAD_HEADER_NAME'],
    ['error', 400, 'HPKS_BAD_HEADER_VALUE'],
    ['error', 400, 'HPKS_BAD_HEADER_VALUE'],
    ['error', 431, 'HEAD_TOO_LARGE'],
  ]);
  client.say({ type: 'open' });
  client.say({ type: 'end' });
  assert.equal((await answerOf(client)).body, 'early');
  client.terminate();
});

/** What must not be said, after what, and why. */
const MISPLACED: readonly (readonly [string, readonly (object | string)[], RegExp])[] = [
  ['text that is no JSON', ['open!'], /no JSON/],
  ['JSON that is no message', ['[]'], /BAD_MESSAGE/],
  ['a message of no type', [{ kind: 'open' }], /type/],
  ['a message of an unknown type', [{ type: 'close' }], /type/],
  ['a member that nobody knows', [{ type: 'open', method: 'PUT' }], /method/],
  ['fields that are no pairs', [{ type: 'open', headers: { a: 'b' } }], /headers/],
  ['a length that is none', [{ type: 'open', length: -1 }], /length/],
  ['a path that is a URL', [{ type: 'open', path: 'http://x/upload' }], /path/],
  ['bytes without a request', [Buffer.from('x') as object], /no request is open/],
  ['an end without a request', [{ type: 'end' }], /no request is open/],
  ['two ends', [{ type: 'open' }, { type: 'end' }, { type: 'end' }], /no request is open/],
  ['two requests at once', [{ type: 'open' }, { type: 'open' }], /has not ended/],
];

for (const [what, messages, reason] of MISPLACED) {
  test(`${what}: the connection is closed with 1002`, async () => {
    const client = await TestSocket.open(server, '/upload/silent', PROTOCOLS);
    for (const message of messages) {
      if (typeof message === 'string' || Buffer.isBuffer(message)) client.send(message);
      else client.say(message);
    }
    await closedWith(client, 1002, reason);
  });
}

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
  const hasty = await TestServer.start({ transports: { websocket: { idleTimeoutMs: 200 } } });
  try {
    const silent = await TestSocket.open(hasty, '/upload/early', PROTOCOLS);
    await closedWith(silent, 1001, /idle/);
    const unended = await TestSocket.open(hasty, '/upload/early', PROTOCOLS);
    unended.say({ type: 'open' });
    assert.equal((await answerOf(unended)).body, 'early');
    await closedWith(unended, 1008, /^408 UPLOAD_TOO_SLOW/);
    const busy = await TestSocket.open(hasty, '/upload/overlap', PROTOCOLS);
    busy.say({ type: 'open' });
    await busy.nextJson();
    const opened = performance.now();
    await until(() => performance.now() - opened > 500, 'more than the time for idle ones');
    busy.say({ type: 'end' });
    assert.match((await busy.body()).toString(), /^first\n0 /);
    busy.terminate();
  } finally {
    await hasty.stop();
  }
});

test('every exchange is admitted anew, by the credentials of the connection', async () => {
  const { token, hash } = createToken();
  const permissions = [{ action: 'publish' as const, path: '/upload/early' }];
  const guarded = await TestServer.start({
    auth: { tokens: [{ name: 'camera', hash, permissions }] },
    limits: { maxStreamsPerPeer: 1 },
  });
  try {
    await assert.rejects(TestSocket.open(guarded, '/upload/early', PROTOCOLS));
    for (const [path, headers] of [
      ['/upload/early', { authorization: `Bearer ${token}` }],
      [`/upload/early?token=${token}`, {}],
    ] as const) {
      const client = await TestSocket.open(guarded, path, { ...PROTOCOLS, headers });
      const answers: unknown[] = [];
      for (const open of [{}, {}, { path: '/upload/early?x=1' }, { path: '/upload/hash' }, {}]) {
        client.say({ type: 'open', ...open });
        client.say({ type: 'end' });
        const { first, body } = await answerOf(client);
        answers.push(first.error ?? body);
      }
      assert.deepEqual(answers, ['early', 'early', 'early', 'FORBIDDEN', 'early']);
      client.socket.close();
      await client.close();
    }
    // A connection on which nothing was asked for gives its place back too.
    const idle = await TestSocket.open(guarded, `/upload/early?token=${token}`, PROTOCOLS);
    idle.socket.close();
    await idle.close();
    const again = await TestSocket.open(guarded, `/upload/early?token=${token}`);
    assert.equal((await again.body()).toString(), 'early');
    await guarded.free();
  } finally {
    await guarded.stop();
  }
});
