import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type AccessUnit, accessUnits, type Exchange } from '../../../src/worker/index.js';
import { bounded, code, Fixture } from './fixture.js';

/** The record of docs/worker-sdk.md, written by hand. */
function record(
  id: number,
  data: Uint8Array,
  { key = false, pts = id * 40, track = 0 } = {},
): Buffer {
  const head = Buffer.alloc(30);
  head.writeUInt8(0x1b, 0);
  head.writeUInt8((track << 1) | (key ? 1 : 0), 1);
  head.writeBigUInt64BE(BigInt(id), 2);
  head.writeBigInt64BE(BigInt(id * 40), 10);
  head.writeBigInt64BE(BigInt(pts), 18);
  head.writeUInt32BE(data.length, 26);
  return Buffer.concat([head, data]);
}

const bytes = (length: number, value: number) => Buffer.alloc(length, value);

async function start(t: TestContext) {
  const fixture = new Fixture(t);
  const upload = fixture.server.open();
  const worker = await fixture.worker();
  const exchange = (await worker[Symbol.asyncIterator]().next()).value as Exchange;
  return { fixture, upload, worker, units: accessUnits(exchange.request.body), exchange };
}

async function next(units: AsyncGenerator<AccessUnit, void>): Promise<AccessUnit> {
  const { value } = await units.next();
  assert.ok(value);
  return value;
}

test('units of one slot are views, with all that they say', bounded, async (t) => {
  const { upload, units } = await start(t);
  await upload.write(
    Buffer.concat([
      record(0, bytes(9, 1), { key: true, pts: 80, track: 127 }),
      record(1, bytes(0, 0), { track: 1 }),
    ]),
  );
  const first = await next(units);
  assert.deepEqual([first.streamType, first.key, first.id], [0x1b, true, 0]);
  assert.deepEqual([first.dts, first.pts, first.shared, first.track], [0, 80, true, 127]);
  assert.deepEqual(first.copy(), new Uint8Array(bytes(9, 1)));
  const second = await next(units);
  assert.deepEqual([second.key, second.track, second.id, second.data.length], [false, 1, 1, 0]);
  assert.throws(() => first.data, code('DETACHED'));
  await upload.end();
  assert.equal((await units.next()).done, true);
});

test('units go over the borders of slots wherever these are', bounded, async (t) => {
  const { upload, units } = await start(t);
  const sizes = [1, 29, 30, 31, 500, 9000];
  const stream = Buffer.concat(
    sizes.map((size, id) => record(id, bytes(size, id + 1), { pts: -1 - id })),
  );
  const sent = (async () => {
    for (let at = 0; at < stream.length; ) {
      const part = at < 700 ? 1 + (at % 37) : 1024;
      await upload.write(stream.subarray(at, at + part));
      at += part;
    }
    await upload.end();
  })();
  let id = 0;
  for await (const unit of units) {
    assert.equal(unit.id, id);
    assert.equal(unit.pts, -1 - id);
    assert.deepEqual(unit.copy(), new Uint8Array(bytes(sizes[id] as number, ++id)));
  }
  assert.equal(id, sizes.length);
  await sent;
});

test(
  'a retained unit stays while the ring goes round, and then frees its slot',
  bounded,
  async (t) => {
    const { upload, units } = await start(t);
    await upload.write(Buffer.concat([record(0, bytes(50, 7)), record(1, bytes(50, 8))]));
    const kept = (await next(units)).retain();
    const other = (await next(units)).retain();
    for (let id = 2; id < 7; id++) {
      await upload.write(record(id, bytes(10, 0)));
      assert.equal((await next(units)).id, id);
    }
    while (upload.tryWrite(record(9, bytes(1, 0))));
    assert.deepEqual(kept.copy(), new Uint8Array(bytes(50, 7)));
    kept.release();
    assert.equal(upload.tryWrite(record(9, bytes(1, 0))), false, 'the other one needs the slot');
    assert.deepEqual(other.copy(), new Uint8Array(bytes(50, 8)));
    other.release();
    await next(units);
    await upload.write(record(9, bytes(1, 0)));
  },
);

test('a stream that ends inside of a unit is said to be cut', bounded, async (t) => {
  for (const length of [10, 30, 35]) {
    const { upload, units } = await start(t);
    await upload.write(record(0, bytes(20, 1)));
    await upload.write(record(1, bytes(20, 1)).subarray(0, length));
    await upload.end();
    await next(units);
    await assert.rejects(units.next(), code('ACCESS_UNIT_TRUNCATED'));
  }
});

test('an impossible length is refused before it is believed', bounded, async (t) => {
  const { upload, exchange } = await start(t);
  const lie = record(0, bytes(0, 0));
  lie.writeUInt32BE(0xffffffff, 26);
  await upload.write(lie);
  const units = accessUnits(exchange.request.body);
  await assert.rejects(units.next(), code('ACCESS_UNIT_TOO_LARGE'));
});

test('an iteration that is left gives its slot back', bounded, async (t) => {
  const { upload, worker, units, exchange } = await start(t);
  await upload.write(Buffer.concat([record(0, bytes(50, 7)), record(1, bytes(50, 8))]));
  for await (const { id } of units) {
    assert.equal(id, 0);
    break;
  }
  // What is lent would keep the worker from stopping.
  await exchange.respond(200).end();
  await upload.end();
  await worker.stop();
});
