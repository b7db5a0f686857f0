import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERRORS, UploadResponseError } from '../../../../src/errors/index.js';
import {
  decodeFrame,
  decodeMessage,
  encodeBody,
  encodeEnd,
  encodeHeaders,
  encodeMessage,
  type Frame,
  FrameDecoder,
  type Head,
} from '../../../../src/protocols/hpks/index.js';
import { readVectors, renderFrame, renderMessage, type Vector } from './vectors.js';

const { vectors, byteRules } = readVectors();
const isError = (vector: Vector) => vector.expected[0]?.startsWith('error') === true;
const isWhole = (vector: Vector) => !isError(vector) && vector.expected[0] !== 'need-more';
const titleOf = (vector: Vector) => `${vector.format}: ${vector.name}`;

/** The lines that `decoded` gives for it. */
function expectedOf(vector: Vector): string[] {
  return vector.expected.map((line) => line.replace(/^(error \w+) after \d+$/, '$1'));
}

/** How many bytes the vector's result depends on. */
function decisiveBytes(vector: Vector): number {
  if (!isError(vector) && !isWhole(vector)) return vector.bytes.length;
  return Number(vector.expected.at(-1)?.split(' ').at(-1));
}

/** Decodes into the words of the fixture; an error is its code alone. */
function decoded({ format, limits }: Vector, bytes: Uint8Array): string[] {
  try {
    if (format === 'hpks') {
      const result = decodeFrame(bytes, limits);
      if (result.needMore) return ['need-more'];
      return [...renderFrame(result.frame), `consumed ${result.consumed}`];
    }
    const result = decodeMessage(bytes, limits);
    if (result.needMore) return ['need-more'];
    return [...renderMessage(result.message), `consumed ${result.consumed}`];
  } catch (error) {
    assert.ok(error instanceof UploadResponseError, String(error));
    return [`error ${error.code}`];
  }
}

function encodeFrame(frame: Frame): Uint8Array {
  if (frame.type === 'headers') return encodeHeaders(frame.streamId, frame.head);
  return frame.type === 'body' ? encodeBody(frame.streamId, frame.data) : encodeEnd(frame.streamId);
}

function encodedAgain({ format, limits }: Vector, bytes: Uint8Array): Uint8Array {
  if (format === 'hpks') {
    const result = decodeFrame(bytes, limits);
    assert.ok(!result.needMore);
    return encodeFrame(result.frame);
  }
  const result = decodeMessage(bytes, limits);
  assert.ok(!result.needMore);
  return encodeMessage(result.message.head, result.message.body);
}

describe('golden vectors', () => {
  for (const vector of vectors) {
    const expected = expectedOf(vector);

    it(titleOf(vector), () => {
      assert.deepEqual(decoded(vector, vector.bytes), expected);
    });

    it(`${titleOf(vector)}: every prefix`, () => {
      const decisive = decisiveBytes(vector);
      for (let size = 0; size <= vector.bytes.length; size++) {
        const wanted = size < decisive ? ['need-more'] : expected;
        assert.deepEqual(decoded(vector, vector.bytes.slice(0, size)), wanted, `${size} bytes`);
      }
    });
  }

  for (const vector of vectors.filter((vector) => vector.format === 'hpks')) {
    it(`${titleOf(vector)}: byte by byte`, () => {
      const decoder = new FrameDecoder(vector.limits);
      const decisive = decisiveBytes(vector);
      let seen: string[] = [];
      for (let size = 1; size <= decisive; size++) {
        assert.deepEqual(seen, []);
        try {
          for (const frame of decoder.push(vector.bytes.subarray(size - 1, size))) {
            seen = [...renderFrame(frame), `consumed ${size}`];
          }
        } catch (error) {
          seen = [`error ${(error as UploadResponseError).code}`];
        }
      }
      if (seen.length === 0) seen = ['need-more'];
      assert.deepEqual(seen, expectedOf(vector));
    });
  }

  for (const vector of vectors.filter(isWhole)) {
    it(`${titleOf(vector)}: encoded again`, () => {
      const original = vector.bytes.slice(0, decisiveBytes(vector));
      const again = encodedAgain(vector, original);
      if (!vector.encodesOtherwise) assert.deepEqual(again, original);
      else {
        assert.notDeepEqual(again, original);
        assert.deepEqual(decoded(vector, again).slice(0, -1), vector.expected.slice(0, -1));
      }
    });
  }

  it('hold every error of the codec', () => {
    const seen = new Set(
      vectors.filter(isError).map((vector) => vector.expected[0]?.split(' ')[1]),
    );
    const codes = Object.keys(ERRORS).filter((code) => code.startsWith('HPKS_'));
    // Only callers who know that no more bytes come can tell a truncated frame.
    assert.deepEqual(
      codes.filter((code) => !seen.has(code)),
      ['HPKS_TRUNCATED'],
    );
  });
});

function headWith(field: string, text: string): Head {
  if (field === 'name' || field === 'value') {
    const header = field === 'name' ? ([text, ''] as const) : (['x', text] as const);
    return { kind: 'response', version: 1, status: 200, headers: [header] };
  }
  const head: Head = { kind: 'request', version: 1, method: 'GET', path: '/', headers: [] };
  return { ...head, [field.replace('-first', '')]: text };
}

describe('bytes of a field', () => {
  for (const { field, code, frameWith, allowed } of byteRules) {
    it(`${field}, decoded`, () => {
      for (let byte = 0; byte < 256; byte++) {
        const decode = () => decodeFrame(frameWith(byte));
        if (allowed.has(byte)) assert.ok(!decode().needMore, `byte ${byte}`);
        else assert.throws(decode, { code }, `byte ${byte}`);
      }
    });

    for (const padding of field.endsWith('-first') ? ['', 'a'.repeat(99)] : ['a', 'a'.repeat(99)]) {
      it(`${field} of ${padding.length + 1} chars, encoded`, () => {
        for (let char = 0; char < 260; char++) {
          const one = String.fromCharCode(char);
          const text = field.endsWith('-first') ? one + padding : padding + one;
          const encode = () => encodeHeaders(7, headWith(field, text));
          if (allowed.has(char)) assert.ok(encode().length > padding.length, `char ${char}`);
          else assert.throws(encode, { code }, `char ${char}`);
        }
      });
    }
  }
});
