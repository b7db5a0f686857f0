// Clients that send or take too little, for too long.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ErrorCode, Flag, FrameType, Setting } from '../../support/http2/frames.js';
import { block } from '../../support/http2/hpack.js';
import { RawHttp2, type RawHttp2Options, requestFields } from '../../support/http2/raw-http2.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const { noError, cancel } = ErrorCode;

let server: TestServer;
before(async () => {
  server = await TestServer.start({
    http: { headTimeoutMs: 3000, keepAliveTimeoutMs: 2000 },
    limits: {
      clientStallTimeoutMs: 1000,
      minRateBytesPerSecond: 1000,
      minRateGraceMs: 1000,
      minRateWindowMs: 1000,
    },
    transports: { http2: { lingerMs: 400 } },
  });
});
after(() => server?.stop());

const connect = (options?: RawHttp2Options) =>
  RawHttp2.connect(server.port('http', 'http2'), options);

/** The connection ends, and nothing of it stays. */
async function isOver(client: RawHttp2): Promise<void> {
  await client.ending();
  client.destroy();
  await server.free();
}

test('a head in pieces that stops coming ends the connection', async () => {
  const client = await connect();
  client.frame(FrameType.headers, Flag.endStream, 1, block(requestFields('/upload/hash')));
  assert.equal(await client.goaway(), noError);
  await isOver(client);
});

test('a connection that asks for nothing ends after the time for a head', async () => {
  const silent = await connect({ bare: true });
  const polite = await connect();
  assert.equal(await polite.goaway(), noError);
  await isOver(silent);
  await isOver(polite);
});

test('a connection that idles ends, though it sends PING', async () => {
  const client = await connect();
  client.open(1, '/upload/hash', true);
  await client.answer(1);
  await until(async () => {
    if (!client.ended) client.frame(FrameType.ping, 0, 0, Buffer.alloc(8));
    // Not so often that it counts as misuse.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return client.frames.some(({ type }) => type === FrameType.goaway);
  }, 'GOAWAY');
  assert.equal(await client.goaway(), noError);
  await isOver(client);
});

test('a stream that sends nothing is answered 408', async () => {
  const client = await connect();
  client.open(1, '/upload/hash');
  const { status, body, reset } = await client.answer(1);
  assert.deepEqual([status, JSON.parse(body.toString()).error], [408, 'UPLOAD_TOO_SLOW']);
  await until(() => client.answerSoFar(1).reset !== undefined, 'the reset');
  assert.ok(reset === undefined || reset === noError);
  client.destroy();
  await server.free();
});

test('a response that nobody takes is reset, and its stream is free', async () => {
  const client = await connect({ settings: [[Setting.initialWindowSize, 10]] });
  client.open(1, '/upload/bytes?n=1000', true);
  assert.equal(await client.reset(1), cancel);
  assert.equal(client.answerSoFar(1).body.length, 10);
  await server.free();
  await client.isAlive();
  client.destroy();
});

test('an error that nobody takes is reset too', async () => {
  const client = await connect({ settings: [[Setting.initialWindowSize, 0]] });
  client.open(1, '/nowhere', true);
  assert.equal(await client.reset(1), cancel);
  await isOver(client);
});
