import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane } from '../../../src/ring/index.js';
import type { Chunk, Exchange } from '../../../src/worker/index.js';
import { bounded, code, Fixture, until } from './fixture.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

async function next(chunks: AsyncIterator<Chunk>): Promise<Chunk> {
  const { value } = await chunks.next();
  assert.ok(value);
  return value;
}

async function take(fixture: Fixture, options = {}): Promise<Exchange> {
  const worker = await fixture.worker(options);
  const { value } = await worker[Symbol.asyncIterator]().next();
  return value as Exchange;
}

test(
  'a body is read while it arrives, and passes through a ring that is smaller',
  bounded,
  async (t) => {
    const fixture = new Fixture(t);
    const upload = fixture.server.open({
      headers: [
        ['X-Test', 'a'],
        ['x-test', 'b'],
      ],
    });
    const exchange = await take(fixture);
    assert.equal(exchange.request.method, 'POST');
    assert.equal(exchange.request.path, '/upload');
    assert.equal(exchange.request.authority, 'test.local');
    assert.equal(exchange.request.header('X-TEST'), 'a, b');
    assert.equal(exchange.transport, 'tiny');
    const chunks = exchange.request.body[Symbol.asyncIterator]();
    await upload.write('first');
    assert.equal(text((await next(chunks)).bytes), 'first');
    const sent = (async () => {
      for (let i = 0; i < 100; i++) await upload.write(`chunk ${i}`);
      await upload.end([['x-sum', '1']]);
    })();
    assert.deepEqual(exchange.request.trailers, []);
    for (let i = 0; i < 100; i++) assert.equal(text((await next(chunks)).bytes), `chunk ${i}`);
    assert.equal((await chunks.next()).done, true);
    assert.equal((await chunks.next()).done, true);
    assert.deepEqual(exchange.request.trailers, [['x-sum', '1']]);
    assert.equal(exchange.request.body.ended, true);
    await sent;
  },
);

test('chunks are views, released when the next is asked for', bounded, async (t) => {
  const fixture = new Fixture(t);
  const upload = fixture.server.open();
  const exchange = await take(fixture);
  await upload.write('one');
  await upload.write('two');
  await upload.end();
  const chunks = exchange.request.body[Symbol.asyncIterator]();
  const first = await next(chunks);
  assert.ok(first.bytes.buffer.byteLength > 100_000, 'a view on the mapping');
  await chunks.next();
  assert.equal(first.released, true);
  assert.throws(() => first.bytes, code('DETACHED'));
  first.release();
});

test(
  'retained chunks may be released in any order, and hold the writer back until then',
  bounded,
  async (t) => {
    const fixture = new Fixture(t);
    const upload = fixture.server.open();
    const exchange = await take(fixture);
    const chunks = exchange.request.body[Symbol.asyncIterator]();
    const kept: Chunk[] = [];
    for (let i = 0; i < 7; i++) {
      await upload.write(`chunk ${i}`);
      kept.push((await next(chunks)).retain());
    }
    // Slot 1 was the head: room for one more, and then the first retained slot is in the way.
    await upload.write('chunk 7');
    let written = false;
    const blocked = upload.write('chunk 8').then(() => (written = true));
    kept[3]?.release();
    kept[1]?.release();
    await until(() => kept[1]?.released);
    assert.equal(upload.tryWrite('chunk 8'), false);
    assert.equal(written, false);
    assert.equal(text((kept[0] as Chunk).bytes), 'chunk 0');
    kept[0]?.release();
    await blocked;
    assert.equal(text((kept[2] as Chunk).bytes), 'chunk 2');
    for (const chunk of kept) chunk.release();
    assert.equal(text((await next(chunks)).bytes), 'chunk 7');
    assert.equal(text((await next(chunks)).bytes), 'chunk 8');
  },
);

test('copy mode: chunks are private and good for ever', bounded, async (t) => {
  const fixture = new Fixture(t);
  const upload = fixture.server.open();
  const exchange = await take(fixture, { copy: true });
  const sent = (async () => {
    for (let i = 0; i < 30; i++) await upload.write(`chunk ${i}`);
    await upload.end();
  })();
  const kept: Uint8Array[] = [];
  for await (const chunk of exchange.request.body) kept.push(chunk.bytes);
  await sent;
  assert.deepEqual(
    kept.map(text),
    Array.from({ length: 30 }, (_, i) => `chunk ${i}`),
  );
  (kept[0] as Uint8Array)[0] = 0;
});

test('an iteration that was left with break is gone on with by the next', bounded, async (t) => {
  const fixture = new Fixture(t);
  const upload = fixture.server.open();
  const exchange = await take(fixture);
  for (const part of ['a', 'b', 'c']) await upload.write(part);
  await upload.end();
  const read: string[] = [];
  for await (const chunk of exchange.request.body) {
    read.push(text(chunk.bytes));
    break;
  }
  for await (const chunk of exchange.request.body) read.push(text(chunk.bytes));
  assert.deepEqual(read, ['a', 'b', 'c']);
});

test('bytes, text and json gather the body up to a limit', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  const bodies = worker[Symbol.asyncIterator]();
  const send = async (parts: string[], headers: [string, string][] = []) => {
    const upload = fixture.server.open({ headers });
    for (const part of parts) await upload.write(part);
    await upload.end();
    return ((await bodies.next()).value as Exchange).request;
  };
  assert.equal(await (await send(['grü', 'ße'])).text(), 'grüße');
  assert.deepEqual(await (await send(['{"a":', '1}'])).json(), { a: 1 });
  assert.equal((await (await send([])).bytes()).length, 0);
  await assert.rejects((await send(['12345', '6789'])).bytes(8), code('BODY_TOO_LARGE'));
  const announced = await send([], [['content-length', '9']]);
  await assert.rejects(announced.bytes(8), code('BODY_TOO_LARGE'));
});

test('two consumers at once are refused', bounded, async (t) => {
  const fixture = new Fixture(t);
  const upload = fixture.server.open();
  const exchange = await take(fixture);
  const first = exchange.request.body.pull();
  await assert.rejects(exchange.request.body.pull(), code('INVALID_ARGUMENT'));
  await upload.write('x');
  assert.equal(text((await first)?.bytes as Uint8Array), 'x');
});

test('verify finds bytes that were changed in the segment', bounded, async (t) => {
  const fixture = new Fixture(t);
  const upload = fixture.server.open();
  const exchange = await take(fixture, { verify: true });
  await upload.write('good');
  await upload.write('evil');
  const reader = fixture.server.segment.join(upload.id, Lane.request, 0);
  for (let i = 0; i < 2; i++) reader.tail();
  const slot = reader.tail();
  if (slot) slot.bytes[0] = 0;
  const chunks = exchange.request.body[Symbol.asyncIterator]();
  assert.equal(text((await next(chunks)).bytes), 'good');
  await assert.rejects(chunks.next(), code('HASH_MISMATCH'));
  assert.equal((exchange.signal.reason as { code: string }).code, 'HASH_MISMATCH');
  await assert.rejects(upload.response(), code('HASH_MISMATCH'));
});

test('an eviction is an error before anything else is passed off as good', bounded, async (t) => {
  const fixture = new Fixture(t);
  const worker = await fixture.worker();
  const exchanges = worker[Symbol.asyncIterator]();
  const evicted = async () => {
    const upload = fixture.server.open();
    const exchange = (await exchanges.next()).value as Exchange;
    for (const part of ['a', 'b', 'c']) await upload.write(part);
    const chunks = exchange.request.body[Symbol.asyncIterator]();
    const first = await next(chunks);
    return { upload, exchange, chunks, first };
  };

  const asked = await evicted();
  asked.upload.evict(worker.index);
  await assert.rejects(asked.chunks.next(), code('EVICTED'));
  assert.equal((asked.exchange.signal.reason as { code: string }).code, 'EVICTED');
  await assert.rejects(asked.upload.response(), code('EVICTED'));

  const released = await evicted();
  released.upload.evict(worker.index);
  assert.throws(() => released.first.release(), code('EVICTED'));

  const outOfOrder = await evicted();
  outOfOrder.first.retain();
  const second = await next(outOfOrder.chunks);
  outOfOrder.upload.evict(worker.index);
  assert.throws(() => second.release(), code('EVICTED'));

  const idle = await evicted();
  idle.first.release();
  idle.upload.evict(worker.index);
  await until(() => idle.exchange.signal.aborted);
  assert.equal((idle.exchange.signal.reason as { code: string }).code, 'EVICTED');
});
