import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FlvTag, isFlv, readFlvTags } from '../../../../src/protocols/flv/index.js';

const HEAD = Buffer.from('464c56010500000009' + '00000000', 'hex');

function encode({ type, timestamp, data }: FlvTag): Buffer {
  const head = Buffer.alloc(11);
  head[0] = type;
  head.writeUIntBE(data.length, 1, 3);
  head.writeUIntBE(timestamp & 0xffffff, 4, 3);
  head[7] = timestamp >>> 24;
  const back = Buffer.alloc(4);
  back.writeUInt32BE(data.length + 11);
  return Buffer.concat([head, data, back]);
}

async function read(bytes: Buffer, pieces: readonly number[]): Promise<FlvTag[]> {
  async function* chunks() {
    let at = 0;
    for (let i = 0; at < bytes.length; i++) {
      const size = pieces[i % pieces.length] ?? 1;
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }
  const tags: FlvTag[] = [];
  for await (const tag of readFlvTags(chunks())) tags.push({ ...tag, data: Buffer.from(tag.data) });
  return tags;
}

test('tags come out as they went in, whatever the pieces are', async () => {
  const tag = fc.record({
    type: fc.constantFrom(8, 9, 18),
    timestamp: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  });
  const pieces = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.array(tag), pieces, async (tags, sizes) => {
      const plain = tags.map((one) => ({ ...one }));
      assert.deepEqual(await read(Buffer.concat([HEAD, ...tags.map(encode)]), sizes), plain);
    }),
  );
});

test('what is none, or is cut short, is MEDIA_INVALID', async () => {
  const tag = encode({ type: 9, timestamp: 0, data: Buffer.from('data') });
  for (const bytes of [
    Buffer.from(''),
    Buffer.from('GIF89a and more'),
    HEAD.subarray(0, 5),
    Buffer.from('464c560105ffffffff00000000', 'hex'),
    Buffer.concat([HEAD, tag.subarray(0, 12)]),
    Buffer.concat([HEAD, Buffer.from([0x29]), tag.subarray(1)]),
  ]) {
    await assert.rejects(read(bytes, [3]), { code: 'MEDIA_INVALID' });
  }
  await read(Buffer.concat([HEAD, tag, Buffer.from([0, 0, 0])]), [1000]);
});

test('knows an FLV file by its beginning', () => {
  assert.deepEqual(
    [isFlv(HEAD), isFlv(Buffer.from('FL')), isFlv(Buffer.alloc(0))],
    [true, false, false],
  );
});
