import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { TestServer } from '../../support/test-server.js';
import { answerOf, closedWith, TestSocket } from '../../support/websocket.js';

const PROTOCOLS = { protocols: ['upload-response.v1'] };

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
afterEach(() => server.free());
after(() => server?.stop());

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

test('a text message that is larger than a head may be closes the connection', async () => {
  const client = await TestSocket.open(server, '/upload/early', PROTOCOLS);
  client.say({ type: 'open', headers: [['x-large', 'x'.repeat(20_000)]] });
  await closedWith(client, 1009, /^431 HEAD_TOO_LARGE/);
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
