import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Lane, Segment } from '../../../src/ring/index.js';

const SLOT_BYTES = 8192;
const SLOTS = 4;

/** The two ends of one request lane. */
function ends(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ur-ring-'));
  const segment = Segment.create({
    socket: join(folder, 'control.sock'),
    name: 'test',
    maxWorkers: 2,
    requiredObservers: [],
    memory: 'fixed',
    warmStreams: 0,
    pools: [
      {
        name: 'main',
        streams: 1,
        slotSize: SLOT_BYTES,
        requestSlots: SLOTS,
        responseSlots: 2,
        stageSlots: 2,
        stages: [],
        readersPerLane: 2,
      },
    ],
  });
  t.after(() => {
    segment.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const id = segment.native.openStream(0, 'test');
  return { reader: segment.join(id, Lane.request, 0), writer: segment.requestWriter(id) };
}

const ownChunk = (length: number) => new Uint8Array(length).fill(7);

test('an owned chunk is freed when all of it was taken', (t) => {
  const { reader, writer } = ends(t);
  const chunk = ownChunk(SLOT_BYTES);
  assert.equal(writer.tryAppendOwned(chunk), SLOT_BYTES);
  assert.equal(chunk.length, 0);
  assert.deepEqual(reader.tail()?.bytes, ownChunk(SLOT_BYTES));
});

test('an owned chunk that does not fit stays until its rest was taken', (t) => {
  const { reader, writer } = ends(t);
  const chunk = ownChunk(SLOT_BYTES * SLOTS + 5000);
  const taken = writer.tryAppendOwned(chunk);
  assert.equal(taken, SLOT_BYTES * SLOTS);
  assert.equal(chunk.length, taken + 5000);
  for (let slot = reader.tail(); slot; slot = reader.tail()) reader.release(slot.id);
  assert.equal(writer.tryAppendOwned(chunk, taken), 5000);
  assert.equal(chunk.length, 0);
});

test('a part of a larger buffer, and a small one, are left alone', (t) => {
  const { writer } = ends(t);
  const part = new Uint8Array(SLOT_BYTES * 2).subarray(0, SLOT_BYTES);
  assert.equal(writer.tryAppendOwned(part), SLOT_BYTES);
  assert.equal(part.length, SLOT_BYTES);
  const small = ownChunk(100);
  assert.equal(writer.tryAppendOwned(small), 100);
  assert.equal(small.length, 100);
});

test('tryAppend frees nothing', (t) => {
  const { writer } = ends(t);
  const chunk = ownChunk(SLOT_BYTES);
  assert.equal(writer.tryAppend(chunk), SLOT_BYTES);
  assert.equal(chunk.length, SLOT_BYTES);
});
