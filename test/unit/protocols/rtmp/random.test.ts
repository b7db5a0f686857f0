import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UploadResponseError } from '../../../../src/errors/index.js';
import { readAmf0 } from '../../../../src/protocols/amf0/index.js';
import { ChunkReader } from '../../../../src/protocols/rtmp/index.js';

/** Anything else than an error of our own is a mistake of ours. */
function tolerate(run: () => void): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof UploadResponseError, String(error));
  }
}

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
test('any chunks, the same in one piece and byte by byte', () => {
  const read = (input: Buffer, size: number) => {
    const seen: string[] = [];
    const reader = new ChunkReader(1000, ({ type, timestamp, payload }) =>
      seen.push(`${type} ${timestamp} ${payload.toString('hex')}`),
    );
    tolerate(() => {
      for (let at = 0; at < input.length; at += size) reader.push(input.subarray(at, at + size));
    });
    return seen;
  };
  const chunk = fc
    .tuple(fc.constantFrom('04000000000003', '44000000000001', 'c4', '8400000a', '02'), bytes)
    .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'hex'), rest]));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), (chunks) => {
      const input = Buffer.concat(chunks);
      assert.deepEqual(read(input, 1), read(input, Math.max(input.length, 1)));
    }),
    { numRuns: 1000 },
  );
});

test('any AMF0', () => {
  const value = fc
    .tuple(fc.constantFrom('020001', '03', '08', '0a000000', '00', ''), bytes)
    .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'hex'), rest]));
  fc.assert(
    fc.property(value, (input) => tolerate(() => readAmf0(input))),
    { numRuns: 2000 },
  );
});
