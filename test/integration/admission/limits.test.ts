import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { RawClient, type RawResponse } from '../../support/raw-client.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { type Answered, ask, bearer, verdict } from './support.js';

const running: TestServer[] = [];
after(() => Promise.all(running.map((server) => server.stop())));

async function start(options: TestServerOptions): Promise<TestServer> {
  const server = await TestServer.start(options);
  running.push(server);
  return server;
}

/** An upload that has begun and goes on until `finish`. */
async function begin(server: TestServer, ...fields: string[]): Promise<RawClient> {
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/overlap', 'transfer-encoding: chunked', ...fields);
  client.chunk('x');
  return client;
}

/** The same, of which the worker has seen the beginning. */
async function underWay(server: TestServer, ...fields: string[]): Promise<RawClient> {
  const client = await begin(server, ...fields);
  await client.sees('first');
  return client;
}

async function finish(client: RawClient): Promise<void> {
  client.send('0\r\n\r\n');
  assert.equal((await client.response()).status, 200);
  client.destroy();
}

const summary = ({ status, headers, body }: RawResponse) =>
  [status, JSON.parse(body.toString()).error, headers.get('retry-after')] as const;

async function refusal(client: RawClient) {
  const answer = summary(await client.response());
  client.destroy();
  return answer;
}

test('a body that is too large is answered 413, declared or not', async () => {
  const server = await start({ limits: { maxBodyBytes: 8 } });
  assert.equal(await verdict(server, { body: '12345678' }), '200');
  assert.equal(await verdict(server, { body: '123456789' }), '413 BODY_TOO_LARGE');
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', 'transfer-encoding: chunked');
  client.chunk('12345678');
  client.chunk('9');
  assert.deepEqual(await refusal(client), [413, 'BODY_TOO_LARGE', undefined]);
  await server.free();
});

test('a head that is too large is answered 431', async () => {
  const server = await start({ http: { port: 0, maxHeadBytes: 2048 } });
  const large = await RawClient.connect(server.port());
  large.head('PUT /upload/hash', `x-large: ${'x'.repeat(4096)}`, 'content-length: 0');
  assert.deepEqual(await refusal(large), [431, 'HEAD_TOO_LARGE', undefined]);
  assert.equal(await verdict(server), '200');
  await server.free();
});

test('a head that does not come is answered 408', async () => {
  const server = await start({ http: { port: 0, headTimeoutMs: 200 }, workers: 0 });
  const late = await RawClient.connect(server.port());
  late.send('PUT /upload/hash HTTP/1.1\r\n');
  assert.deepEqual(await refusal(late), [408, 'HEAD_TIMEOUT', undefined]);
  await server.free();
});

test('streams of one peer at once: one more is answered 429', async () => {
  const server = await start({ limits: { maxStreamsPerPeer: 2 } });
  const [one, other] = await Promise.all([underWay(server), underWay(server)]);
  const more = [429, 'TOO_MANY_STREAMS', '1'];
  assert.deepEqual(await refusal(await begin(server)), more);
  await finish(one as RawClient);
  const third = await underWay(server);
  assert.deepEqual(await refusal(await begin(server)), more);
  // Whoever leaves without a word gives its place back too.
  third.destroy();
  (other as RawClient).destroy();
  await server.free();
  for (let i = 0; i < 4; i++) assert.equal(await verdict(server), '200');
});

test('streams of one token at once, by a limit for all or one of its own', async () => {
  const [common, own] = [createToken(), createToken()];
  const server = await start({
    auth: {
      tokens: [
        { name: 'common', hash: common.hash },
        { name: 'own', hash: own.hash, maxStreams: 2 },
      ],
    },
    limits: { maxStreamsPerSubject: 1 },
  });
  const field = ({ token }: { token: string }) => `authorization: Bearer ${token}`;
  const clients = [
    await underWay(server, field(common)),
    await underWay(server, field(own)),
    await underWay(server, field(own)),
  ];
  for (const one of [common, own]) {
    const refused = await refusal(await begin(server, field(one)));
    assert.deepEqual(refused, [429, 'TOO_MANY_STREAMS', '1']);
  }
  await Promise.all(clients.map(finish));
  await server.free();
  assert.equal(await verdict(server, { headers: bearer(common.token) }), '200');
});

test('a trusted proxy says whose streams they are, and nobody else does', async () => {
  const limits = { maxStreamsPerPeer: 1, maxConnectionsPerPeer: 2 };
  const behind = await start({ auth: { trustedProxies: ['127.0.0.1'] }, limits });
  const of = (address: string) => `x-forwarded-for: ${address}`;
  const clients = [
    await underWay(behind, of('198.51.100.1')),
    await underWay(behind, of('198.51.100.2')),
    await underWay(behind, of('203.0.113.7, 198.51.100.3')),
  ];
  const same = await begin(behind, of('192.0.2.9'), of('198.51.100.3'));
  assert.deepEqual(await refusal(same), [429, 'TOO_MANY_STREAMS', '1']);
  await Promise.all(clients.map(finish));
  const open = await start({ limits: { maxStreamsPerPeer: 1 } });
  const first = await underWay(open, of('198.51.100.1'));
  const lied = await begin(open, of('198.51.100.2'));
  assert.deepEqual(await refusal(lied), [429, 'TOO_MANY_STREAMS', '1']);
  await finish(first);
  await Promise.all([behind.free(), open.free()]);
});

/** Asks for several at once, again and again: on a busy machine one after the other may be slower than
 *  the rate. */
async function untilRefused(server: TestServer): Promise<Answered> {
  let refused: Answered | undefined;
  await until(async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(server)));
    refused = answers.find(({ status }) => status !== 200);
    return refused !== undefined;
  }, 'a refusal');
  return refused as Answered;
}

async function untilTaken(server: TestServer): Promise<void> {
  await until(async () => {
    const answer = await ask(server).catch(() => undefined);
    return answer?.status === 200;
  }, 'the next one to be let in');
}

test('requests of one peer in a second: one more is answered 429, with the time to wait', async () => {
  const server = await start({ limits: { requestsPerSecondPerPeer: 1, requestBurstPerPeer: 2 } });
  const client = await RawClient.connect(server.port());
  for (let i = 0; i < 2; i++) client.head('PUT /upload/hash', 'content-length: 0');
  for (let i = 0; i < 2; i++) assert.equal((await client.response()).status, 200);
  client.destroy();
  const answer = await untilRefused(server);
  assert.deepEqual([answer.status, answer.error], [429, 'TOO_MANY_REQUESTS']);
  assert.equal(answer.headers['retry-after'], '1');
  await untilTaken(server);
  await server.free();
});

test('connections: one more is answered 429 or, below TLS, cut', async () => {
  for (const limits of [{ maxConnections: 2 }, { maxConnectionsPerPeer: 2 }]) {
    const server = await start({ limits });
    const [one, two] = [await underWay(server), await RawClient.connect(server.port())];
    const more = await RawClient.connect(server.port());
    more.head('PUT /upload/hash', 'content-length: 0');
    assert.deepEqual(await refusal(more), [429, 'TOO_MANY_CONNECTIONS', '1']);
    await assert.rejects(RawClient.connect(server.port('https'), 'https'));
    two.destroy();
    await untilTaken(server);
    await finish(one);
    await server.free();
  }
});

test('new connections of one peer in a second: one more is answered 429', async () => {
  const limits = { connectionsPerSecondPerPeer: 1, connectionBurstPerPeer: 2 };
  const server = await start({ limits });
  const client = await RawClient.connect(server.port());
  const answer = await untilRefused(server);
  assert.deepEqual([answer.status, answer.error], [429, 'TOO_MANY_REQUESTS']);
  assert.equal(answer.headers['retry-after'], '1');
  // A connection that is there can be used as before.
  for (let i = 0; i < 5; i++) {
    client.head('PUT /upload/hash', 'content-length: 0');
    assert.equal((await client.response()).status, 200);
  }
  client.destroy();
  await untilTaken(server);
  await server.free();
});

test('wrong credentials of one peer in a minute: then it is answered 429, right or wrong', async () => {
  const { token, hash } = createToken();
  const server = await start({
    auth: { tokens: [{ name: 'good', hash }] },
    limits: { authFailuresPerMinutePerPeer: 2 },
  });
  assert.equal(await verdict(server, { headers: bearer(token) }), '200');
  assert.equal(await verdict(server), '401 UNAUTHENTICATED');
  for (let i = 0; i < 2; i++) {
    assert.equal(await verdict(server, { headers: bearer('x') }), '401 INVALID_CREDENTIALS');
  }
  const refused = await ask(server, { headers: bearer(token) });
  assert.deepEqual([refused.status, refused.error], [429, 'TOO_MANY_REQUESTS']);
  const wait = Number(refused.headers['retry-after']);
  assert.ok(wait > 0 && wait <= 30, String(wait));
  await server.free();
});

test('an upload that is too slow is answered 408', async () => {
  const server = await start({
    limits: { minRateBytesPerSecond: 1000, minRateGraceMs: 50, minRateWindowMs: 50 },
  });
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', 'content-length: 1000');
  client.send('x');
  assert.deepEqual(await refusal(client), [408, 'UPLOAD_TOO_SLOW', undefined]);
  await server.free();
});

test('more bytes than may wait for room: the upload is answered 503', async () => {
  const server = await start({ limits: { maxWaitingBytes: 1000 } });
  const reports = server.worker.reports.length;
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/idle', `content-length: ${4 << 20}`);
  await server.worker.report('claimed', reports);
  client.send(Buffer.alloc(4 << 20));
  assert.deepEqual(await refusal(client), [503, 'MEMORY_LIMIT', '1']);
  await server.free();
  assert.equal(server.server.ingress.stats().waitingBytes, 0);
  assert.equal(await verdict(server, { body: 'x'.repeat(100_000) }), '200');
});

test('more uploads than there are streams are answered 503', async () => {
  const pools = [{ name: 'uploads', streams: 2, requestSlots: 8, responseSlots: 4 }];
  const server = await start({ segment: { pools } });
  const clients = [await underWay(server), await underWay(server)];
  assert.deepEqual(await refusal(await begin(server)), [503, 'NO_FREE_STREAM', '1']);
  await Promise.all(clients.map(finish));
  await server.free();
  assert.equal(await verdict(server), '200');
});
