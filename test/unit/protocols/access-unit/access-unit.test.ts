import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessUnitDecoder,
  encodeAccessUnit,
  isKeyframe,
  readAccessUnitHead,
  StreamType,
} from '../../../../src/protocols/access-unit/index.js';

/** The table of docs/access-units.md, by hand: a keyframe of H.264, id 258, dts -1, pts 66051. */
const VECTOR = Buffer.from(
  `1b 01 0000000000000102 ffffffffffffffff 0000000000010203 00000003 aabbcc`.replaceAll(' ', ''),
  'hex',
);
const HEAD = { streamType: 0x1b, key: true, track: 0, id: 258, dts: -1, pts: 66_051 };

const unit = (id: number, size: number) =>
  encodeAccessUnit({ streamType: StreamType.opus, key: false, id, dts: id * 20, pts: id * 20 }, [
    Buffer.alloc(size, id + 1),
  ]);

test('a unit is written and read as the page says', () => {
  const parts = [Buffer.from('aa', 'hex'), Buffer.from('bbcc', 'hex')];
  assert.deepEqual(encodeAccessUnit(HEAD, parts), VECTOR);
  assert.deepEqual(readAccessUnitHead(VECTOR), { ...HEAD, size: 3 });
  assert.deepEqual(readAccessUnitHead(Buffer.concat([Buffer.alloc(5), VECTOR]), 5), {
    ...HEAD,
    size: 3,
  });
});

test('the track stands above the bit of the keyframe', () => {
  for (const [byte, key, track] of [
    [0x02, false, 1],
    [0x03, true, 1],
    [0xff, true, 127],
  ] as const) {
    const vector = Buffer.from(VECTOR);
    vector[1] = byte;
    const parts = [Buffer.from('aabbcc', 'hex')];
    assert.deepEqual(encodeAccessUnit({ ...HEAD, key, track }, parts), vector);
    assert.deepEqual(readAccessUnitHead(vector), { ...HEAD, key, track, size: 3 });
    assert.equal(isKeyframe(vector), key);
  }
});

test('units of one chunk are views of it', () => {
  const chunk = Buffer.concat([VECTOR, unit(1, 0), unit(2, 9)]);
  const units = new AccessUnitDecoder().push(chunk);
  assert.deepEqual(
    units.map(({ id, size, data }) => [id, size, data.length]),
    [
      [258, 3, 3],
      [1, 0, 0],
      [2, 9, 9],
    ],
  );
  for (const { data } of units) assert.equal(data.buffer, chunk.buffer);
});

test('wherever a stream is cut, the units are the same', () => {
  const sizes = [0, 1, 29, 30, 31, 200];
  const stream = Buffer.concat(sizes.map((size, id) => unit(id, size)));
  const whole = new AccessUnitDecoder().push(stream);
  assert.deepEqual(
    whole.map(({ size }) => size),
    sizes,
  );
  const cuts = Array.from({ length: stream.length }, (_, index) => [index]);
  for (let step = 1; step < 70; step++) {
    cuts.push(Array.from({ length: Math.ceil(stream.length / step) }, (_, index) => index * step));
  }
  for (const cut of cuts) {
    const decoder = new AccessUnitDecoder();
    const ends = [...cut, stream.length];
    const units = ends.flatMap((end, index) =>
      decoder.push(stream.subarray(index === 0 ? 0 : (ends[index - 1] as number), end)),
    );
    decoder.finish();
    assert.equal(decoder.bufferedBytes, 0);
    assert.deepEqual(
      units.map(({ data, ...head }) => ({ ...head, data: Buffer.from(data) })),
      whole.map(({ data, ...head }) => ({ ...head, data: Buffer.from(data) })),
    );
  }
});

test('a unit that is too large is refused after those before it, in whatever pieces it comes', () => {
  const stream = Buffer.concat([unit(0, 5), unit(1, 101), unit(2, 5)]);
  const decoder = new AccessUnitDecoder({ maxBytes: 100 });
  assert.equal(decoder.push(stream).length, 1);
  assert.throws(() => decoder.push(Buffer.alloc(0)), { code: 'ACCESS_UNIT_TOO_LARGE' });
  assert.throws(() => decoder.finish(), { code: 'ACCESS_UNIT_TOO_LARGE' });
  const slow = new AccessUnitDecoder({ maxBytes: 100 });
  assert.throws(
    () => {
      for (const byte of stream) slow.push(Buffer.from([byte]));
    },
    { code: 'ACCESS_UNIT_TOO_LARGE' },
  );
  assert.equal(slow.bufferedBytes, 0);
});

test('a head does not make the decoder allocate what it claims', () => {
  const lie = unit(0, 0);
  lie.writeUInt32BE(0xffff_fff0, 26);
  const decoder = new AccessUnitDecoder({ maxBytes: 0xffff_ffff });
  const before = process.memoryUsage().arrayBuffers;
  decoder.push(lie);
  decoder.push(Buffer.alloc(10));
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);
});

test('a stream that ends inside of a unit is said to be cut', () => {
  for (const length of [1, 30, 39]) {
    const decoder = new AccessUnitDecoder();
    assert.deepEqual(decoder.push(unit(0, 10).subarray(0, length)), []);
    assert.throws(() => decoder.finish(), { code: 'ACCESS_UNIT_TRUNCATED' });
  }
});
