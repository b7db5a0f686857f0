// Answers that come before the request has ended, and before its body may come.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ErrorCode, Flag, FrameType, Setting } from '../../support/http2/frames.js';
import { RawHttp2, type RawHttp2Options } from '../../support/http2/raw-http2.js';
import { TestServer } from '../../support/test-server.js';

const LINGER_BYTES = 100_000;

let server: TestServer;
/** Reads the rest of a request away for a short time. */
let hasty: TestServer;
before(async () => {
  server = await TestServer.start({
    transports: { http2: { lingerMs: 60_000, lingerBytes: LINGER_BYTES } },
  });
  hasty = await TestServer.start({ transports: { http2: { lingerMs: 2000 } } });
});
after(async () => {
  await server?.stop();
  await hasty?.stop();
});

const connect = (options?: RawHttp2Options, to = server) =>
  RawHttp2.connect(to.port('http', 'http2'), options);

test('an answer before the end of the request is whole, and then the rest is not wanted', async () => {
  for (const [path, code] of [
    ['/upload/early', 200],
    ['/nowhere', 404],
  ] as const) {
    const client = await connect({}, hasty);
    client.open(1, path);
    client.data(1, 'the beginning of a long upload');
    assert.equal(await client.reset(1), ErrorCode.noError);
    const { status: seen, body, ended } = client.answerSoFar(1);
    assert.deepEqual([seen, ended], [code, true]);
    assert.match(body.toString(), code === 200 ? /^early$/ : /UNKNOWN_PATH/);
    const last = client.frames.filter(({ stream }) => stream === 1).pop();
    assert.equal(last?.type, FrameType.rstStream);
    client.data(1, 'what was under way');
    await client.isAlive();
    client.destroy();
    await hasty.free();
  }
});

test('the rest of a request after its answer is read away, within bounds', async () => {
  const client = await connect();
  client.open(1, '/upload/early');
  assert.equal((await client.answer(1)).body.toString(), 'early');
  client.data(1, Buffer.alloc(LINGER_BYTES / 2));
  client.data(1, '', true);
  await client.isAlive();
  assert.equal(client.answerSoFar(1).reset, undefined);

  client.open(3, '/nowhere');
  for (let sent = 0; sent <= LINGER_BYTES; sent += 10_000) client.data(3, Buffer.alloc(10_000));
  assert.equal(await client.reset(3), ErrorCode.noError);
  assert.equal(client.answerSoFar(3).status, 404);
  client.destroy();
  await server.free();
});

test('the same, while the client’s window is small', async () => {
  const client = await connect({ settings: [[Setting.initialWindowSize, 2]] }, hasty);
  client.open(1, '/upload/early');
  client.data(1, 'the beginning of a long upload');
  await client.sees(({ type }) => type === FrameType.data, 'the beginning of the answer');
  await client.isAlive();
  assert.equal(client.answerSoFar(1).reset, undefined);
  client.allow(1, 100);
  assert.equal(await client.reset(1), ErrorCode.noError);
  const { body, ended } = client.answerSoFar(1);
  assert.deepEqual([body.toString(), ended], ['early', true]);
  client.destroy();
  await hasty.free();
});

test('100 Continue is sent when there is a stream, and then the answer', async () => {
  const client = await connect();
  client.open(1, '/upload/hash', false, [['expect', '100-Continue']]);
  const interim = await client.sees(({ type }) => type === FrameType.headers, 'HEADERS');
  assert.equal(interim.flags & Flag.endStream, 0);
  assert.deepEqual(client.statuses(1), [100]);
  client.data(1, 'hello', true);
  assert.equal(JSON.parse((await client.answer(1)).body.toString()).bytes, 5);
  assert.deepEqual(client.statuses(1), [100, 200]);
  client.destroy();
  await server.free();
});

test('a request that is refused gets no 100', async () => {
  const client = await connect();
  for (let stream = 1; stream < 16; stream += 2) client.open(stream, '/upload/echo');
  await client.sees(({ type, stream }) => type === FrameType.headers && stream === 15, 'HEADERS');
  client.open(17, '/upload/hash', false, [['expect', '100-continue']]);
  const { status: code } = await client.answer(17);
  assert.equal(code, 503);
  assert.deepEqual(client.statuses(17), [503]);
  client.destroy();
  await server.free();
});
