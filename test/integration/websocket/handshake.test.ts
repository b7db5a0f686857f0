import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { RawClient, type RawResponse } from '../../support/raw-client.js';
import {
  closePayload,
  frameOf,
  HANDSHAKE,
  Opcode,
  RawWebSocket,
} from '../../support/raw-websocket.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';

let server: TestServer;
before(async () => {
  server = await TestServer.start({
    transports: { websocket: { origins: ['https://app.example', 'null'] } },
  });
});
afterEach(() => server.free());
after(() => server?.stop());

const without = (name: string) => HANDSHAKE.filter((line) => !line.startsWith(`${name}:`));

/** The answer to a request that is not upgraded. */
async function answerTo(
  path: string,
  headers: readonly string[],
  scheme: 'http' | 'https' = 'http',
): Promise<RawResponse> {
  const client = await RawClient.connect(server.port(scheme), scheme);
  client.head(`GET ${path}`, ...headers);
  const response = await client.response();
  assert.equal(await client.ending(), 'end');
  return response;
}

const codeOf = ({ body }: RawResponse) => JSON.parse(body.toString()).error as string;

const BAD: readonly (readonly [string, readonly string[], number, string])[] = [
  ['no version', without('sec-websocket-version'), 426, 'WEBSOCKET_VERSION'],
  [
    'an old version',
    [...without('sec-websocket-version'), 'sec-websocket-version: 8'],
    426,
    'WEBSOCKET_VERSION',
  ],
  ['no key', without('sec-websocket-key'), 400, 'BAD_HANDSHAKE'],
  [
    'a short key',
    [...without('sec-websocket-key'), 'sec-websocket-key: YQ=='],
    400,
    'BAD_HANDSHAKE',
  ],
  ['two keys', [...HANDSHAKE, 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='], 400, 'BAD_HANDSHAKE'],
  ['a body', [...HANDSHAKE, 'content-length: 4'], 400, 'BAD_HANDSHAKE'],
  ['a chunked body', [...HANDSHAKE, 'transfer-encoding: chunked'], 400, 'BAD_HANDSHAKE'],
  ['a name twice', [...HANDSHAKE, 'sec-websocket-protocol: a, a'], 400, 'BAD_HANDSHAKE'],
  ['no name', [...HANDSHAKE, 'sec-websocket-protocol: a,,b'], 400, 'BAD_HANDSHAKE'],
  ['two hosts', [...HANDSHAKE, 'host: other'], 400, 'BAD_REQUEST'],
  ['a page of another host', [...HANDSHAKE, 'origin: https://evil.example'], 403, 'ORIGIN_REFUSED'],
];

for (const [what, headers, status, code] of BAD) {
  test(`a handshake with ${what} is answered ${status} ${code}, and costs no stream`, async () => {
    const opened = () => server.server.ingress.stats().transports.websocket?.openedTotal ?? 0;
    const before = opened();
    const response = await answerTo('/upload/hash', headers);
    assert.deepEqual([response.status, codeOf(response)], [status, code]);
    assert.equal(response.headers.get('sec-websocket-version'), status === 426 ? '13' : undefined);
    assert.equal(opened(), before);
  });
}

test('a path that is no upload, a length that is none, and a body that is too long', async () => {
  for (const [path, status, code] of [
    ['/elsewhere', 404, 'UNKNOWN_PATH'],
    ['/upload/%', 400, 'BAD_REQUEST'],
    ['/upload/hash?ur-length=1e3', 400, 'BAD_HANDSHAKE'],
  ] as const) {
    const response = await answerTo(path, HANDSHAKE);
    assert.deepEqual([response.status, codeOf(response)], [status, code], path);
  }
});

test('refusals are the same over TLS', async () => {
  const response = await answerTo('/elsewhere', HANDSHAKE, 'https');
  assert.deepEqual([response.status, codeOf(response)], [404, 'UNKNOWN_PATH']);
});

test('pages of the same host, of allowed origins, and clients that are no pages are let in', async () => {
  for (const headers of [
    [],
    ['origin: http://localhost'],
    ['origin: https://localhost'],
    ['origin: https://app.example'],
    ['origin: null'],
  ]) {
    const client = await RawWebSocket.open(server.port(), '/upload/early', { headers });
    assert.equal((await client.rest()).body.toString(), 'early');
    client.destroy();
  }
});

test('an absolute target counts as its path', async () => {
  const client = await RawClient.connect(server.port());
  client.head('GET http://localhost/upload/early', ...HANDSHAKE);
  assert.equal((await (await RawWebSocket.over(client)).rest()).body.toString(), 'early');
  client.destroy();
});

test('a connection that has served requests is upgraded, and frames may come with the head', async () => {
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/echo', 'content-length: 2');
  client.send('hi');
  assert.equal((await client.response()).body.toString(), 'hi');
  const head = ['GET /upload/echo HTTP/1.1', 'host: localhost', ...HANDSHAKE, '', ''].join('\r\n');
  const frames = [
    frameOf(Opcode.binary, 'with the head'),
    frameOf(Opcode.close, closePayload(1000)),
  ];
  client.send(Buffer.concat([Buffer.from(head), ...frames]));
  const { body, code } = await (await RawWebSocket.over(client)).rest();
  assert.deepEqual([body.toString(), code], ['with the head', 1000]);
  assert.equal(await client.ending(), 'end');
});

test('an upgrade that does not wait for an answer that is due resets the connection', async () => {
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/silent', 'content-length: 0');
  client.head('GET /upload/echo', ...HANDSHAKE);
  assert.equal(await client.ending(), 'reset');
});

test('half a handshake is answered 408 when its time is over', async () => {
  const hasty = await TestServer.start({ http: { headTimeoutMs: 300 }, workers: 0 });
  try {
    const client = await RawClient.connect(hasty.port());
    client.send('GET /upload/hash HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n');
    const response = await client.response();
    assert.deepEqual([response.status, codeOf(response)], [408, 'HEAD_TIMEOUT']);
  } finally {
    await hasty.stop();
  }
});

/** Requests whose Upgrade means nothing here, with their bodies. */
const IGNORED: readonly (readonly [string, string, readonly string[], string])[] = [
  [
    'HTTP/2 without TLS',
    'POST',
    ['connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQAoAAA'],
    'content-length: 4',
  ],
  ['a WebSocket by POST', 'POST', HANDSHAKE, 'content-length: 4'],
  [
    'something unknown, with a chunked body',
    'PUT',
    ['connection: upgrade', 'upgrade: tls/1.3'],
    '',
  ],
];

for (const [what, method, headers, length] of IGNORED) {
  test(`an offer of ${what} is ignored, and the request served`, async () => {
    for (const scheme of ['http', 'https'] as const) {
      const client = await RawClient.connect(server.port(scheme), scheme);
      for (let i = 0; i < 2; i++) {
        const framing = length || 'transfer-encoding: chunked';
        client.head(`${method} /upload/echo`, ...headers, framing);
        client.send(length ? 'body' : '4\r\nbody\r\n0\r\n\r\n');
        const response = await client.response();
        assert.deepEqual([response.status, response.body.toString()], [200, 'body']);
      }
      client.destroy();
    }
  });
}

test('a connection whose upgrade was ignored is still one of HTTP/1.1', async () => {
  const connections = () => server.server.stats().transports.http1?.connections;
  await until(() => connections() === 0, 'the connections before to be closed');
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/echo', 'connection: upgrade', 'upgrade: h2c', 'content-length: 4');
  client.send('body');
  await client.response();
  assert.equal(connections(), 1);
  client.destroy();
});

test('HTTP/1.0 has no upgrade', async () => {
  const client = await RawClient.connect(server.port());
  client.send(`GET /upload/early HTTP/1.0\r\nhost: x\r\n${HANDSHAKE.join('\r\n')}\r\n\r\n`);
  assert.equal((await client.response()).body.toString(), 'early');
  client.destroy();
});

test('an upgrade while the server drains is answered 503', async () => {
  const draining = await TestServer.start();
  try {
    const running = await RawWebSocket.open(draining.port(), '/upload/overlap');
    const used = await RawClient.connect(draining.port());
    used.head('POST /upload/echo', 'content-length: 0');
    await used.response();
    used.send('GET /upload/hash HTTP/1.1\r\nhost: x\r\n');
    // It arrives after that.
    const later = await RawClient.connect(draining.port());
    later.head('POST /upload/echo', 'content-length: 0');
    await later.response();
    const drained = draining.server.drain(new AbortController().signal);
    used.send(`${HANDSHAKE.join('\r\n')}\r\n\r\n`);
    const response = await used.response();
    assert.deepEqual([response.status, codeOf(response)], [503, 'SHUTTING_DOWN']);
    running.send(Opcode.binary);
    assert.equal((await running.rest()).code, 1000);
    running.destroy();
    await drained;
  } finally {
    await draining.stop();
  }
});

test('switched off, a handshake is a request like any other', async () => {
  const off = await TestServer.start({ transports: { websocket: { enabled: false } } });
  try {
    assert.equal(
      off.server.addresses.some(({ transport }) => transport === 'websocket'),
      false,
    );
    const client = await RawClient.connect(off.port());
    client.head('GET /upload/early', ...HANDSHAKE);
    assert.equal((await client.response()).body.toString(), 'early');
    client.destroy();
  } finally {
    await off.stop();
  }
});
