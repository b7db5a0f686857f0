import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../../../src/worker/index.js';
import { bounded, code, deferred, Fixture, until } from './fixture.js';
import type { TinyExchange } from './tiny-server.js';

async function start(
  fixture: Fixture,
  head = {},
): Promise<{ upload: TinyExchange; exchange: Exchange }> {
  const upload = fixture.server.open(head);
  const worker = await fixture.worker();
  const { value } = await worker[Symbol.asyncIterator]().next();
  return { upload, exchange: value as Exchange };
}

test('head, body and trailers arrive in order, waited for or not', bounded, async (t) => {
  const { upload, exchange } = await start(new Fixture(t));
  const response = exchange.respond(201, { 'x-one': '1', 'x-list': ['a', 'b'], 'x-number': 7 });
  void response.write('a');
  void response.write(new Uint8Array(20_000).fill(98));
  void response.write('c');
  const ended = response.end('d', [['x-sum', 's']]);
  const { status, headers, body, trailers } = await upload.response();
  await ended;
  assert.equal(status, 201);
  assert.deepEqual(headers, [
    ['x-one', '1'],
    ['x-list', 'a'],
    ['x-list', 'b'],
    ['x-number', '7'],
  ]);
  assert.equal(body, `a${'b'.repeat(20_000)}cd`);
  assert.deepEqual(trailers, [['x-sum', 's']]);
  assert.equal(response.ended, true);
  await upload.close();
});

test('small writes of one turn share a slot, and are not held back longer', bounded, async (t) => {
  const { upload, exchange } = await start(new Fixture(t));
  const response = exchange.respond(200);
  assert.equal(upload.responseLast, 1);
  for (const part of ['a', 'b', 'c']) await response.write(part);
  assert.equal(upload.responseLast, 1);
  await until(() => upload.responseLast === 2);
  await response.write('d');
  response.flush();
  assert.equal(upload.responseLast, 3);
  await response.end();
  assert.equal((await upload.response()).body, 'abcd');
});

test(
  'a write waits for the client when the ring is full; tryWrite does not',
  bounded,
  async (t) => {
    const { upload, exchange } = await start(new Fixture(t));
    const response = exchange.respond(200);
    assert.equal(response.slotSize, 4096);
    assert.equal(response.tryWrite(new Uint8Array(100_000)), 3 * 4096);
    assert.equal(response.tryWrite('x'), 0);
    let written = false;
    const waiting = response.write('y').then(() => (written = true));
    const ended = response.end('z');
    await new Promise(setImmediate);
    assert.equal(written, false);
    const { body } = await upload.response();
    await Promise.all([waiting, ended]);
    assert.equal(body.length, 3 * 4096 + 2);
    assert.equal(body.slice(-2), 'yz');
  },
);

test('a slot can be filled in place', bounded, async (t) => {
  const { upload, exchange } = await start(new Fixture(t));
  const response = exchange.respond(200);
  await response.write('before ');
  const view = await response.reserve();
  assert.equal(view.length, 4096);
  assert.throws(() => response.tryWrite('x'), code('INVALID_ARGUMENT'));
  view.set(Buffer.from('in place'));
  response.commit(8);
  assert.throws(() => response.commit(1), code('INVALID_ARGUMENT'));
  response.tryReserve();
  response.commit(0);
  const ended = response.end(' after');
  assert.equal((await upload.response()).body, 'before in place after');
  await ended;
});

test('answers to HEAD, 204, 205 and 304 have no body', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  const exchanges = worker[Symbol.asyncIterator]();
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 205],
    ['GET', 304],
  ] as const) {
    const upload = fixture.server.open({ method });
    const exchange = (await exchanges.next()).value as Exchange;
    const response = exchange.respond(status);
    await response.write('dropped');
    assert.equal(response.tryWrite('dropped'), 7);
    await response.end('dropped');
    const answer = await upload.response();
    assert.deepEqual([answer.status, answer.body], [status, '']);
    assert.equal(upload.responseLast, 2);
  }
});

test('what is not valid is refused, and can be put right', bounded, async (t) => {
  const { upload, exchange } = await start(new Fixture(t));
  assert.throws(() => exchange.respond(100), code('INVALID_ARGUMENT'));
  assert.throws(() => exchange.respond(200.5), code('INVALID_ARGUMENT'));
  assert.throws(() => exchange.respond(200, { 'bad name': 'x' }), code('HPKS_BAD_HEADER_NAME'));
  assert.throws(() => exchange.respond(200, { x: 'a\nb' }), code('HPKS_BAD_HEADER_VALUE'));
  assert.throws(() => exchange.respond(200, { x: 'y'.repeat(5000) }), code('SLOT_TOO_LARGE'));
  assert.equal(exchange.responded, false);
  const response = exchange.respond(200);
  assert.throws(() => exchange.respond(200), code('LANE_ENDED'));
  await assert.rejects(response.write(1 as never), code('INVALID_ARGUMENT'));
  await response.end('good');
  await assert.rejects(response.write('late'), code('LANE_ENDED'));
  await assert.rejects(response.end(), code('LANE_ENDED'));
  assert.equal((await upload.response()).body, 'good');
  await assert.rejects(exchange.request.body.pull(), code('DETACHED'));
});

test('a client that goes ends every wait, and nothing is held any more', bounded, async (t) => {
  const { upload, exchange } = await start(new Fixture(t));
  const aborted = deferred<unknown>();
  exchange.signal.addEventListener('abort', () => aborted.resolve(exchange.signal.reason));
  const response = exchange.respond(200);
  const blocked = response.write(new Uint8Array(100_000));
  void response.write('nobody waits for this one');
  const ended = response.end();
  const reading = exchange.request.body.pull();
  upload.abort('CLIENT_GONE');
  await assert.rejects(reading, code('CLIENT_GONE'));
  await assert.rejects(blocked, code('CLIENT_GONE'));
  await assert.rejects(ended, code('CLIENT_GONE'));
  assert.equal(((await aborted.promise) as { code: string }).code, 'CLIENT_GONE');
  assert.throws(() => exchange.respond(200), code('CLIENT_GONE'));
  await upload.close();
});

test('a server that stops has everything of its streams back', bounded, async (t) => {
  const { upload, exchange } = await start(new Fixture(t));
  const response = exchange.respond(200);
  const stage = exchange.stage('first');
  upload.abort('SHUTTING_DOWN');
  await until(() => exchange.signal.aborted);
  // The worker lives on.
  await upload.close();
  assert.deepEqual([response.ended, stage.ended], [false, false]);
});

test('an aborted stream stays protected while a chunk is in use', bounded, async (t) => {
  const { upload, exchange } = await start(new Fixture(t));
  await upload.write('precious');
  const chunk = await exchange.request.body.pull();
  assert.ok(chunk);
  upload.abort('RESPONSE_TIMEOUT');
  await until(() => exchange.signal.aborted);
  let closed = false;
  const closing = upload.close().then(() => (closed = true));
  await new Promise(setImmediate);
  assert.equal(closed, false);
  assert.equal(Buffer.from(chunk.bytes).toString(), 'precious');
  chunk.release();
  await closing;
});

test('fail tells the server why, before and after the head', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  const exchanges = worker[Symbol.asyncIterator]();
  const next = async () => {
    const upload = fixture.server.open();
    return { upload, exchange: (await exchanges.next()).value as Exchange };
  };
  const before = await next();
  before.exchange.fail(new Error('no'));
  before.exchange.fail(new Error('again'));
  await assert.rejects(before.upload.response(), code('WORKER_FAILED'));
  await before.upload.close();
  const after = await next();
  const response = after.exchange.respond(200);
  await response.write('x');
  response.flush();
  after.exchange.fail();
  await assert.rejects(after.upload.response(), code('WORKER_FAILED'));
  await assert.rejects(response.write('y'), code('DETACHED'));
  await after.upload.close();
  assert.deepEqual(fixture.failures, []);
});
