import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  AccessUnitDecoder,
  type DecodedUnit,
  encodeAccessUnit,
} from '../../src/protocols/access-unit/index.js';
import { type AmfValue, readAmf0, writeAmf0 } from '../../src/protocols/amf0/index.js';
import { setsSize, vp8Size } from '../../src/protocols/video/index.js';
import { attempt, runs } from './support/runs.js';

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const MAX_BYTES = 300;

const unit = fc
  .record({
    streamType: fc.constantFrom(0x1b, 0x9c, 0x9d, 0),
    key: fc.boolean(),
    track: fc.nat(127),
    id: fc.maxSafeNat(),
    dts: fc.maxSafeInteger(),
    pts: fc.maxSafeInteger(),
    data: bytes(2 * MAX_BYTES),
  })
  .map(({ data, ...head }) => ({ head: { ...head, size: data.length }, data }));

/** Everything that comes of chunks, and how it ends. */
function decoded(chunks: readonly Uint8Array[]): unknown[] {
  const decoder = new AccessUnitDecoder({ maxBytes: MAX_BYTES });
  const units: DecodedUnit[] = [];
  const codes = ['ACCESS_UNIT_TOO_LARGE', 'ACCESS_UNIT_TRUNCATED'];
  const ended = attempt(codes, () => {
    for (const chunk of chunks) {
      units.push(...decoder.push(chunk));
      assert.ok(decoder.bufferedBytes <= MAX_BYTES + 30);
    }
    // An error after units of the same chunk comes with the next call.
    decoder.push(Buffer.alloc(0));
    decoder.finish();
    return true;
  });
  return [...units.map(({ data, ...head }) => [head, Buffer.from(data).toString('hex')]), ended];
}

const cuts = fc.array(fc.nat(2000), { maxLength: 12 });
function pieces(input: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.filter((end) => end < input.length), input.length].sort((a, b) => a - b);
  return ends.map((end, index) => input.subarray(ends[index - 1] ?? 0, end));
}

test('access units are what was written, up to one that is too large, in whatever pieces', () => {
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 6 }), cuts, (units, at) => {
      const input = Buffer.concat(units.map(({ head, data }) => encodeAccessUnit(head, [data])));
      const large = units.findIndex(({ head }) => head.size > MAX_BYTES);
      const taken = large < 0 ? units : units.slice(0, large);
      const expected = taken.map(({ head, data }) => [head, data.toString('hex')]);
      assert.deepEqual(decoded(pieces(input, at)), [...expected, large < 0 ? true : undefined]);
    }),
    runs(800),
  );
});

test('any bytes are the same access units in whatever pieces', () => {
  const some = fc
    .array(
      fc.oneof(
        bytes(60),
        unit.map(({ head, data }) => encodeAccessUnit(head, [data])),
      ),
      {
        maxLength: 5,
      },
    )
    .map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(some, cuts, (input, at) => {
      const whole = decoded([input]);
      assert.deepEqual(decoded(pieces(input, at)), whole);
      assert.deepEqual(decoded(Array.from(input, (byte) => Buffer.of(byte))), whole);
    }),
    runs(800),
  );
});

const { value } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.double(),
    fc.boolean(),
    fc.string({ maxLength: 20 }),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), tie('value'), { maxKeys: 4 }),
  ),
}));

test('AMF0: what was written is read, and cut short it is refused or less', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), fc.nat(), (values, cut) => {
      const written = writeAmf0(...values);
      const read = readAmf0(written);
      const plain = (some: unknown) => JSON.stringify(some);
      assert.equal(plain(read), plain(values));
      const length = cut % (written.length + 1);
      const less = attempt(['AMF_INVALID'], () => readAmf0(written.subarray(0, length)));
      if (less) assert.equal(plain(less), plain(read.slice(0, less.length)));
    }),
    runs(1000),
  );
});

test('AMF0: any bytes are refused or values of their number, and no key reaches a prototype', () => {
  const start = fc.constantFrom('', '03', '08ffffffff', '0affffffff', '0a00000003', '0cffffffff');
  const named = fc.constantFrom('', '00095f5f70726f746f5f5f', '000b636f6e7374727563746f72');
  const input = fc
    .tuple(start, named, bytes(200))
    .map(([begin, key, rest]) => Buffer.concat([Buffer.from(begin + key, 'hex'), rest]));
  fc.assert(
    fc.property(input, (some) => {
      const read = attempt(['AMF_INVALID'], () => readAmf0(some));
      assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
      if (read) assert.ok(read.length <= some.length);
    }),
    runs(3000),
  );
});

test('sizes of pictures: any sets and frames give one that can be, or none', () => {
  const nal = fc
    .tuple(fc.constantFrom('000001', '00000001', '000001674d', '0000014201', ''), bytes(80))
    .map(([begin, rest]) => Buffer.concat([Buffer.from(begin, 'hex'), rest]));
  fc.assert(
    fc.property(fc.array(nal, { maxLength: 5 }), (parts) => {
      const input = Buffer.concat(parts);
      for (const size of [setsSize('h264', input), setsSize('h265', input), vp8Size(input)]) {
        if (!size) continue;
        for (const one of [size.width, size.height]) {
          assert.ok(Number.isInteger(one) && one > 0 && one <= 65_536);
        }
      }
    }),
    runs(3000),
  );
});
