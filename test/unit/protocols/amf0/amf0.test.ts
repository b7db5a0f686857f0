import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UploadResponseError } from '../../../../src/errors/index.js';
import { readAmf0, writeAmf0 } from '../../../../src/protocols/amf0/index.js';

const invalid = (hex: string) =>
  assert.throws(() => readAmf0(Buffer.from(hex, 'hex')), { code: 'AMF_INVALID' }, hex);

const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

test('what is written is read', () => {
  const object = { app: 'live', list: ['a', 1, null], inner: { yes: true, no: false } };
  const values = ['connect', 1, object, null, '', -0.5];
  assert.deepEqual(plain(readAmf0(writeAmf0(...values))), values);
});

test('the types that only others write', () => {
  const read = (hex: string) => plain(readAmf0(Buffer.from(hex, 'hex')));
  assert.deepEqual(read('0c00000003616263'), ['abc'], 'long string');
  assert.deepEqual(read('06'), [null], 'undefined');
  assert.deepEqual(read('0d'), [null], 'unsupported');
  assert.deepEqual(read('070001'), [null], 'reference');
  assert.deepEqual(read('0b40590000000000000000'), [100], 'date');
  const ecma = '08ffffffff 0001 61 0101 0000 09'.replaceAll(' ', '');
  assert.deepEqual(read(ecma), [{ a: true }], 'ECMA array, whose count is a hint');
});

test('a key such as __proto__ is a key', () => {
  const [object] = readAmf0(Buffer.from('0300095f5f70726f746f5f5f0101000009', 'hex'));
  assert.equal(Object.getPrototypeOf(object), null);
  assert.deepEqual(Object.keys(object as object), ['__proto__']);
});

test('what is cut short, nested too deep, too much, or AMF3', () => {
  for (const hex of [
    '00',
    '01',
    '02',
    '020005616263',
    '0cffffffff',
    '03',
    '030001',
    '08',
    '0b00',
  ]) {
    invalid(hex);
  }
  invalid('11');
  invalid('04');
  invalid('0affffffff');
  invalid('0a00000001'.repeat(20));
  invalid('05'.repeat(5000));
});

test('every cut of a valid message is an error or fewer values, never something else', () => {
  const whole = writeAmf0('connect', 1, { app: 'live', list: [1, 'b', { c: null }] });
  for (let length = 0; length < whole.length; length++) {
    try {
      assert.ok(readAmf0(whole.subarray(0, length)).length < 3);
    } catch (error) {
      assert.equal((error as UploadResponseError).code, 'AMF_INVALID');
    }
  }
});
