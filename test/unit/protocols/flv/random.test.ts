import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UploadResponseError } from '../../../../src/errors/index.js';
import { readAmf0 } from '../../../../src/protocols/amf0/index.js';
import { MediaAssembler } from '../../../../src/protocols/flv/index.js';
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
/** Likely beginnings, so that more than the first check is reached. */
const starts = ['17000000000001', '1701000000', '90687663310101', '91617663310000', 'af0012', 'a7'];
const message = fc
  .tuple(fc.constantFrom(...starts, ''), bytes)
  .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'hex'), rest]));

test('any messages of media', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), message), { maxLength: 8 }), (messages) => {
      const media = new MediaAssembler();
      for (const [video, one] of messages) {
        tolerate(() => {
          const unit = video ? media.video(0, one) : media.audio(0, one);
          if (unit) assert.equal(unit.readUInt32BE(26), unit.length - 30);
        });
      }
    }),
    { numRuns: 2000 },
  );
});

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
