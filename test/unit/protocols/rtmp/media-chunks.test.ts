import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChunkReader, chunks, mediaChunks } from '../../../../src/protocols/rtmp/index.js';

test('what is written is read, with any time and chunk size', () => {
  const time = fc.oneof(
    fc.constantFrom(0, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  );
  const size = fc.integer({ min: 128, max: 1000 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(time, fc.uint8Array({ maxLength: 3000 }))),
      size,
      (all, chunk) => {
        const seen: unknown[] = [];
        const reader = new ChunkReader(2 ** 20, ({ type, streamId, timestamp, payload }) =>
          seen.push([type, streamId, timestamp, payload.toString('hex')]),
        );
        const setSize = Buffer.alloc(4);
        setSize.writeUInt32BE(chunk);
        reader.push(chunks(1, 0, setSize, 128, 2));
        for (const [timestamp, payload] of all) {
          reader.push(mediaChunks(9, 1, timestamp, payload, chunk, 6));
        }
        const sent = all.map(([timestamp, payload]) => [
          ...[9, 1, timestamp],
          Buffer.from(payload).toString('hex'),
        ]);
        assert.deepEqual(seen.slice(-all.length || seen.length), sent);
      },
    ),
  );
});
