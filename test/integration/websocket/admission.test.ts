import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createToken, signUploadUrl } from '../../../src/admission/index.js';
import { RawClient } from '../../support/raw-client.js';
import { HANDSHAKE, RawWebSocket } from '../../support/raw-websocket.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { TestSocket } from '../../support/websocket.js';

const { token, hash } = createToken();
const SECRET = 'a secret of enough bytes to sign with it';

let server: TestServer;
let asked: Server;
const questions: { body: Record<string, string>; response: ServerResponse }[] = [];

before(async () => {
  asked = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    questions.push({ body: JSON.parse(text), response });
  });
  await new Promise<void>((resolve) => asked.listen(0, '127.0.0.1', resolve));
  server = await TestServer.start({
    auth: {
      tokens: [
        { name: 'camera', hash, permissions: [{ action: 'publish', path: '/upload/head' }] },
      ],
      signedUrls: { keys: [{ id: 'k1', secret: SECRET }] },
    },
  });
});
after(async () => {
  await server?.stop();
  asked?.closeAllConnections();
  asked?.close();
});

/** Status, code and challenge of a refusal. */
async function refusal(port: number, path: string, ...headers: string[]) {
  const client = await RawClient.connect(port);
  client.head(`GET ${path}`, ...HANDSHAKE, ...headers);
  const response = await client.response();
  const { error } = JSON.parse(response.body.toString());
  return [response.status, error, response.headers.get('www-authenticate') !== undefined];
}

test('who shows nothing, or the wrong thing, or may not, is refused before the upgrade', async () => {
  const port = server.port();
  assert.deepEqual(await refusal(port, '/upload/head'), [401, 'UNAUTHENTICATED', true]);
  assert.deepEqual(await refusal(port, '/upload/head', 'authorization: Bearer no'), [
    401,
    'INVALID_CREDENTIALS',
    true,
  ]);
  assert.deepEqual(await refusal(port, '/upload/hash', `authorization: Bearer ${token}`), [
    403,
    'FORBIDDEN',
    true,
  ]);
  assert.equal(server.server.ingress.stats().transports.websocket?.openedTotal ?? 0, 0);
});

test('a token in the field or in the query lets in, and workers do not see it', async () => {
  for (const [path, headers] of [
    ['/upload/head?a=1', { authorization: `Bearer ${token}` }],
    [`/upload/head?token=${token}&a=1`, {}],
  ] as const) {
    const client = await TestSocket.open(server, path, { headers });
    client.send();
    const seen = (await client.body()).toString();
    assert.doesNotMatch(seen, /authorization|ur_/);
    assert.equal((await client.close()).code, 1000);
  }
});

test('a signed URL is signed for GET, and its largest body counts', async () => {
  const sign = (maxBytes: number, method = 'GET') =>
    new URL(
      signUploadUrl({
        url: server.url('/upload/hash?ur-head=1'),
        method,
        keyId: 'k1',
        secret: SECRET,
        expires: new Date(Date.now() + 60_000),
        maxBytes,
      }),
    );
  const { pathname, search } = sign(10);
  const client = await TestSocket.open(server, pathname + search);
  client.send(Buffer.from('ten bytes!'));
  client.send();
  assert.equal((await client.nextJson()).status, 200);
  const over = await TestSocket.open(server, pathname + search);
  over.send(Buffer.from('eleven bytes'));
  assert.equal((await over.nextJson()).error, 'BODY_TOO_LARGE');
  assert.equal((await over.close()).code, 1009);
  const put = sign(10, 'PUT');
  const answer = await refusal(server.port(), put.pathname + put.search);
  assert.deepEqual(answer.slice(0, 2), [403, 'INVALID_SIGNATURE']);
});

test('limits of streams and requests are refusals before the upgrade', async () => {
  const limited = await TestServer.start({ limits: { maxStreamsPerPeer: 1 } });
  try {
    const first = await RawWebSocket.open(limited.port(), '/upload/echo');
    const [status, code] = await refusal(limited.port(), '/upload/echo');
    assert.deepEqual([status, code], [429, 'TOO_MANY_STREAMS']);
    first.destroy();
    await limited.free();
    const second = await RawWebSocket.open(limited.port(), '/upload/early');
    assert.equal((await second.rest()).body.toString(), 'early');
    second.destroy();
    await limited.free();
  } finally {
    await limited.stop();
  }
});

test('a client that leaves while somebody else is asked leaves nothing behind', async () => {
  const url = `http://127.0.0.1:${(asked.address() as AddressInfo).port}/auth`;
  const asking = await TestServer.start({
    auth: { callback: { url, timeoutMs: 600_000 } },
    limits: { maxStreamsPerPeer: 1 },
  });
  try {
    const port = asking.port();
    const gone = await RawClient.connect(port);
    gone.head('GET /upload/early', ...HANDSHAKE);
    await until(() => questions.length === 1, 'the question');
    assert.equal(questions[0]?.body.method ?? 'GET', 'GET');
    gone.destroy();
    const stats = () => asking.server.stats().transports.websocket;
    await until(() => stats()?.connections === 0, 'the connection to be forgotten');
    questions[0]?.response.writeHead(200).end();

    const stays = await RawClient.connect(port);
    stays.head('GET /upload/early', ...HANDSHAKE);
    await until(() => questions.length === 2, 'the second question');
    questions[1]?.response.writeHead(200).end();
    const socket = await RawWebSocket.over(stays);
    assert.equal((await socket.rest()).body.toString(), 'early');
    stays.destroy();
    await asking.free();
  } finally {
    await asking.stop();
  }
});
