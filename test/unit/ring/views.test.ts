import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Lane, Segment, SlotFlag } from '../../../src/ring/index.js';
import { attach, content, smallSegment } from './lanes.js';

/** Large enough that a thread is still at it when the next line runs. */
const LARGE_BYTES = 2 * 1024 * 1024;

async function lane(t: TestContext) {
  const options = smallSegment(t);
  const [pool] = options.pools;
  assert.ok(pool);
  const server = Segment.create({ ...options, pools: [{ ...pool, slotSize: LARGE_BYTES }] });
  t.after(() => server.close());
  const worker = await attach(t, options.socket);
  const id = server.native.openStream(0, 'test');
  return { worker, writer: server.requestWriter(id), reader: worker.join(id, Lane.request, 0) };
}

describe('views on the mapping', { timeout: 60_000 }, () => {
  it('may be read by a thread while the segment is closed', async (t) => {
    const { worker, writer, reader } = await lane(t);
    assert.ok(writer.tryWrite(randomBytes(LARGE_BYTES), SlotFlag.body));
    const slot = reader.tail();
    assert.equal(slot?.bytes.length, LARGE_BYTES);
    // In one step: between two of them Node.js does not expect the memory to go.
    const packed = promisify(gzip)(slot.bytes, { level: 9, chunkSize: 2 * LARGE_BYTES });
    worker.close();
    assert.equal(slot.bytes.length, 0);
    assert.equal((await promisify(gunzip)(await packed)).length, LARGE_BYTES);
  });

  it('may be transferred: the next ones are whole, and none outlives the memory', async (t) => {
    const { worker, writer, reader } = await lane(t);
    assert.ok(writer.tryWrite(content(1), SlotFlag.body));
    assert.ok(writer.tryWrite(content(2), SlotFlag.body));
    const transferred = await throughByteStream(reader.tail()?.bytes as Uint8Array);
    assert.deepEqual(Uint8Array.from(transferred), content(1));
    assert.deepEqual(Uint8Array.from(reader.tail()?.bytes ?? []), content(2));
    worker.close();
    assert.deepEqual(Uint8Array.from(transferred), new Uint8Array(100));
  });
});

/** A byte stream takes the whole ArrayBuffer of what it is given. */
async function throughByteStream(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new ReadableStream({
    type: 'bytes',
    start: (controller) => controller.enqueue(bytes as Uint8Array<ArrayBuffer>),
  });
  const { value } = await stream.getReader().read();
  assert.ok(value);
  return value;
}
