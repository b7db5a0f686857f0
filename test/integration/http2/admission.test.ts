// What HTTP/2 has of its own about admission: bodies that come before the answer whether they may.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { ErrorCode, FrameType, words } from '../../support/http2/frames.js';
import { RawHttp2 } from '../../support/http2/raw-http2.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { Helper } from '../admission/support.js';

const BUDGET = 64 * 1024;

let helper: Helper;
let server: TestServer;
/** Questions that have no answer yet. */
let asked: ServerResponse[];

before(async () => {
  helper = await Helper.start();
  helper.answer = (response) => asked.push(response);
  server = await TestServer.start({
    auth: { callback: { url: helper.url, timeoutMs: 120_000 } },
    limits: { maxWaitingBytes: BUDGET, maxStreamsPerPeer: 1 },
    transports: { http2: { streamWindowBytes: 4 * BUDGET } },
  });
});
after(async () => {
  await server?.stop();
  await helper?.stop();
});

/** Opens stream 1 and waits until the callback has been asked. */
async function open(): Promise<RawHttp2> {
  asked = [];
  const client = await RawHttp2.connect(server.port('http', 'http2'));
  client.open(1, '/upload/echo', false, [['authorization', 'Bearer slow']]);
  await until(() => asked.length === 1, 'the question');
  return client;
}

const waitingBytes = () => server.server.ingress.stats().waitingBytes;

test('a body that comes before it is let in waits, and arrives whole', async () => {
  const client = await open();
  client.data(1, 'early ');
  client.data(1, 'and late', true);
  await client.isAlive();
  assert.equal(waitingBytes(), 'early and late'.length);
  asked[0]?.writeHead(204).end();
  const { status, body } = await client.answer(1);
  assert.deepEqual([status, body.toString()], [200, 'early and late']);
  client.destroy();
  await server.free();
  assert.equal(waitingBytes(), 0);
});

test('a body that is not let in is not kept', async () => {
  const client = await open();
  client.data(1, 'never wanted');
  await client.isAlive();
  asked[0]?.writeHead(403).end();
  const { status, body } = await client.answer(1);
  assert.deepEqual([status, JSON.parse(body.toString()).error], [403, 'FORBIDDEN']);
  assert.equal(await client.reset(1), ErrorCode.noError);
  assert.equal(waitingBytes(), 0);
  client.destroy();
});

test('a client that leaves before it is let in takes nothing along', async () => {
  const client = await open();
  client.data(1, 'gone');
  client.frame(FrameType.rstStream, 0, 1, words(ErrorCode.cancel));
  await client.isAlive();
  assert.equal(waitingBytes(), 0);
  asked[0]?.writeHead(204).end();
  // Its place is free again: one upload of a peer at once.
  await until(async () => {
    const next = await open();
    next.data(1, 'next', true);
    asked[0]?.writeHead(204).end();
    const { status } = await next.answer(1);
    next.destroy();
    return status === 200;
  }, 'the place of the one that left');
  client.destroy();
  await server.free();
});

test('more than may wait is refused before it is let in', async () => {
  const client = await open();
  for (let sent = 0; sent <= BUDGET; sent += 16_384) client.data(1, Buffer.alloc(16_384));
  const { status, body } = await client.answer(1);
  assert.deepEqual([status, JSON.parse(body.toString()).error], [503, 'MEMORY_LIMIT']);
  assert.equal(waitingBytes(), 0);
  asked[0]?.writeHead(204).end();
  client.destroy();
  await server.free();
});

test('more than may wait of an upload that nobody reads is refused', async () => {
  const client = await RawHttp2.connect(server.port('http', 'http2'));
  asked = [];
  client.open(1, '/upload/idle');
  await until(() => asked.length === 1, 'the question');
  asked[0]?.writeHead(204).end();
  // A lane of 8 slots, what may wait, and one frame more.
  const bytes = 8 * 65_536 + BUDGET + 16_384;
  let sent = 0;
  const allowed = () =>
    client.frames
      .filter(({ type, stream }) => type === FrameType.windowUpdate && stream === 1)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 4 * BUDGET);
  await until(() => {
    for (; sent < bytes && sent + 16_384 <= allowed(); sent += 16_384) {
      client.data(1, Buffer.alloc(16_384));
    }
    return sent >= bytes;
  }, 'the server to allow more than it may keep');
  const { status, body } = await client.answer(1);
  assert.deepEqual([status, JSON.parse(body.toString()).error], [503, 'MEMORY_LIMIT']);
  client.destroy();
  await server.free();
  assert.equal(waitingBytes(), 0);
});

test('two Authorization fields are refused', async () => {
  const client = await RawHttp2.connect(server.port('http', 'http2'));
  client.open(1, '/upload/echo', true, [
    ['authorization', 'Bearer one'],
    ['authorization', 'Bearer two'],
  ]);
  const { status, body } = await client.answer(1);
  assert.deepEqual([status, JSON.parse(body.toString()).error], [400, 'BAD_REQUEST']);
  client.destroy();
});
