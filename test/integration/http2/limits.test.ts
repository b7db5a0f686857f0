// What one client may cost: resets, floods, head bombs, streams.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ErrorCode,
  Flag,
  FrameType,
  PREFACE,
  Setting,
  settings,
  words,
} from '../../support/http2/frames.js';
import { block, type Field, integer, text } from '../../support/http2/hpack.js';
import { RawHttp2, type RawHttp2Options, requestFields } from '../../support/http2/raw-http2.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const { enhanceYourCalm, cancel } = ErrorCode;
const MAX_RESETS = 20;
const MAX_CONTROL_FRAMES = 50;
const MAX_HEAD_BYTES = 4096;
const STREAMS = 100;

const OPTIONS: TestServerOptions = {
  http: { maxHeadBytes: MAX_HEAD_BYTES },
  segment: { pools: [{ name: 'uploads', streams: 128, requestSlots: 4, responseSlots: 4 }] },
  transports: {
    http2: {
      maxStreamsPerConnection: STREAMS,
      maxResets: MAX_RESETS,
      maxControlFrames: MAX_CONTROL_FRAMES,
      countingWindowMs: 60_000,
      maxInvalidFrames: 10,
      maxRejectedStreams: 10,
      lingerMs: 400,
    },
  },
};

/** Ends soon what a client that misbehaves has left. */
let server: TestServer;
/** For what must not end. */
let patient: TestServer;
before(async () => {
  const limits = {
    minRateGraceMs: 3000,
    minRateWindowMs: 1000,
    responseTimeoutMs: 3000,
    clientStallTimeoutMs: 1000,
  };
  server = await TestServer.start({ ...OPTIONS, limits });
  patient = await TestServer.start(OPTIONS);
});
after(async () => {
  await server?.stop();
  await patient?.stop();
});

const connect = (options?: RawHttp2Options, to = server) =>
  RawHttp2.connect(to.port('http', 'http2'), options);

const stats = () => server.server.stats().transports.http2;

/** Nothing of the client stays, and others are served. */
async function isOver(client: RawHttp2): Promise<void> {
  await client.ending();
  client.destroy();
  await server.free();
  const other = await connect();
  other.open(1, '/upload/echo');
  other.data(1, 'other', true);
  assert.equal((await other.answer(1)).body.toString(), 'other');
  other.destroy();
}

/** An odd stream id for each number from 0 on. */
const nth = (i: number) => 2 * i + 1;

for (const [what, path] of [
  ['uploads', '/upload/silent'],
  ['requests that are answered with an error', '/nowhere'],
] as const) {
  test(`rapid reset of ${what}: ENHANCE_YOUR_CALM`, async () => {
    const refused = stats()?.refusedTotal.CONNECTION_MISUSED ?? 0;
    const client = await connect({ settings: [[Setting.initialWindowSize, 0]] });
    for (let i = 0; i < MAX_RESETS + 10; i++) {
      client.open(nth(i), path);
      client.frame(FrameType.rstStream, 0, nth(i), words(cancel));
    }
    assert.equal(await client.goaway(), enhanceYourCalm);
    assert.equal(stats()?.refusedTotal.CONNECTION_MISUSED, refused + 1);
    await isOver(client);
  });
}

test('the worker of a stream on a connection that is misused is told so', async () => {
  const from = server.worker.reports.length;
  const client = await connect();
  client.open(1, '/upload/silent');
  await server.worker.report('reading', from);
  for (let i = 0; i <= MAX_CONTROL_FRAMES; i++) {
    client.frame(FrameType.ping, 0, 0, Buffer.alloc(8));
  }
  assert.equal((await server.worker.report('failed', from)).abort, 'CONNECTION_MISUSED');
  await isOver(client);
});

test('resets of what has been answered are no misuse', async () => {
  const client = await connect({}, patient);
  for (let i = 0; i < MAX_RESETS + 10; i++) {
    client.open(nth(i), '/upload/hash', true);
    await client.answer(nth(i));
    client.frame(FrameType.rstStream, 0, nth(i), words(cancel));
  }
  await client.isAlive();
  client.destroy();
});

for (const [name, type, payload] of [
  ['PING', FrameType.ping, Buffer.alloc(8)],
  ['SETTINGS', FrameType.settings, settings([Setting.enablePush, 0])],
] as const) {
  test(`a flood of ${name}: ENHANCE_YOUR_CALM`, async () => {
    const client = await connect();
    for (let i = 0; i <= MAX_CONTROL_FRAMES; i++) client.frame(type, 0, 0, payload);
    assert.equal(await client.goaway(), enhanceYourCalm);
    await isOver(client);
  });
}

test('a flood of empty DATA: ENHANCE_YOUR_CALM', async () => {
  const client = await connect();
  client.open(1, '/upload/silent');
  for (let i = 0; i < 20; i++) client.data(1, '');
  assert.equal(await client.goaway(), enhanceYourCalm);
  await isOver(client);
});

test('a flood of malformed requests: ENHANCE_YOUR_CALM', async () => {
  const client = await connect();
  for (let i = 0; i < 20; i++) client.open(nth(i), '/upload/hash', true, [['Upper', 'x']]);
  assert.equal(await client.goaway(), enhanceYourCalm);
  await isOver(client);
});

const head = (...more: readonly Field[]) => [...requestFields('/upload/hash'), ...more];
const sendHead = (client: RawHttp2, stream: number, bytes: Uint8Array) =>
  client.frame(FrameType.headers, Flag.endHeaders | Flag.endStream, stream, bytes);

test('a head above the limit is answered 431, one of twice the limit is reset', async () => {
  const client = await connect();
  sendHead(client, 1, block(head(['x', 'v'.repeat(MAX_HEAD_BYTES)])));
  const { status, body } = await client.answer(1);
  assert.deepEqual([status, JSON.parse(body.toString()).error], [431, 'HEAD_TOO_LARGE']);
  sendHead(client, 3, block(head(['x', 'v'.repeat(2 * MAX_HEAD_BYTES)])));
  assert.equal(await client.reset(3), enhanceYourCalm);
  sendHead(client, 5, block(head()));
  assert.equal((await client.answer(5)).status, 200);
  client.destroy();
});

test('a head of many small fields is reset', async () => {
  const client = await connect();
  sendHead(client, 1, block(head(...Array.from({ length: 125 }, (): Field => ['x', '']))));
  assert.equal(await client.reset(1), enhanceYourCalm);
  await client.isAlive();
  client.destroy();
});

test('an HPACK bomb is reset: a large entry of the table, many times', async () => {
  const client = await connect();
  const entry = Buffer.concat([Buffer.from([0x40]), text('x'), text('v'.repeat(3000))]);
  const again = Buffer.alloc(100, integer(62, 7, 0x80));
  sendHead(client, 1, Buffer.concat([block(head()), entry, again]));
  assert.equal(await client.reset(1), enhanceYourCalm);
  await client.isAlive();
  client.destroy();
});

test('a flood of CONTINUATION: ENHANCE_YOUR_CALM', async () => {
  const client = await connect();
  client.frame(FrameType.headers, Flag.endStream, 1, block(head()));
  for (let i = 0; i < 100; i++) client.frame(FrameType.continuation, 0, 1, '');
  assert.equal(await client.goaway(), enhanceYourCalm);
  await isOver(client);
});

test('as many streams as announced are served at once', async () => {
  const client = await connect({}, patient);
  for (let i = 0; i < STREAMS; i++) client.open(nth(i), '/upload/echo');
  for (let i = 0; i < STREAMS; i++) client.data(nth(i), `${i} begins`);
  const begun = ({ type }: { readonly type: number }) => type === FrameType.data;
  await until(() => client.frames.filter(begun).length === STREAMS, 'a hundred echoes');
  for (let i = 0; i < STREAMS; i++) client.data(nth(i), ' and ends', true);
  for (let i = 0; i < STREAMS; i++) {
    const { status, body, ended } = await client.answer(nth(i));
    assert.deepEqual([status, body.toString(), ended], [200, `${i} begins and ends`, true]);
  }
  client.destroy();
  await patient.free();
});

test('one stream more than announced ends the connection', async () => {
  const client = await connect();
  for (let i = 0; i <= STREAMS; i++) client.open(nth(i), '/upload/silent');
  assert.equal(await client.goaway(), ErrorCode.protocolError);
  await isOver(client);
});

test('one stream more, from a client that does not know the limit yet, is refused', async () => {
  const client = await connect({ bare: true }, patient);
  client.send(PREFACE);
  client.frame(FrameType.settings, 0, 0);
  for (let i = 0; i <= STREAMS; i++) client.open(nth(i), '/upload/echo');
  assert.equal(await client.reset(nth(STREAMS)), ErrorCode.refusedStream);
  client.data(1, 'goes on', true);
  assert.equal((await client.answer(1)).body.toString(), 'goes on');
  client.destroy();
  await patient.free();
});
