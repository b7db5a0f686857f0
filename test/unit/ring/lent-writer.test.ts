import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { chunks, MessageType } from '../../../src/protocols/rtmp/index.js';
import { Lane, newRtmpReceiver, type RtmpReceiver, Segment } from '../../../src/ring/index.js';
import { AVC_CONFIG, AVC_SETS } from '../../support/rtmp-client.js';

const SLOT_BYTES = 4096;
const SLOTS = 4;
const UNIT_HEAD_BYTES = 30;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** A lane whose writer can be lent, and a receiver that publishes on message stream 1. */
function lane(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ur-lent-'));
  const segment = Segment.create({
    socket: join(folder, 'control.sock'),
    name: 'test',
    maxWorkers: 2,
    requiredObservers: [],
    memory: 'fixed',
    warmStreams: 0,
    pools: [
      {
        ...{ name: 'main', streams: 1, slotSize: SLOT_BYTES, requestSlots: SLOTS },
        ...{ responseSlots: 2, stageSlots: 2, stages: [], readersPerLane: 2 },
      },
    ],
  });
  t.after(() => {
    segment.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const id = segment.native.openStream(0, 'test');
  const receiver = newRtmpReceiver(2 ** 20, 2 ** 20);
  const hello = Buffer.alloc(1 + 2 * 1536);
  hello[0] = 3;
  receiver.push(hello);
  for (const kind of ['hello', 'shaken']) {
    assert.equal(receiver.next()?.kind, kind);
    receiver.goOn();
    receiver.push();
  }
  receiver.publish(1);
  receiver.push(video(Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), AVC_CONFIG])));
  const reader = segment.join(id, Lane.request, 0);
  return { segment, receiver, writer: segment.requestWriter(id), reader };
}

const video = (payload: Buffer) => chunks(MessageType.video, 1, payload, 128);

/** A frame of one NAL unit; the unit has 34 bytes more. */
function frame(size: number): Buffer {
  const payload = Buffer.alloc(9 + size, 0x41);
  payload.set([0x27, 1, 0, 0, 0], 0);
  payload.writeUInt32BE(size, 5);
  return video(payload);
}

function firstUnit(receiver: RtmpReceiver, size: number): void {
  assert.equal(receiver.push(frame(size)), false);
  assert.equal(receiver.next()?.kind, 'unit');
}

/** Body bytes that are there, given back. */
function take({ reader }: Pick<ReturnType<typeof lane>, 'reader'>): number {
  let bytes = 0;
  for (let slot = reader.tail(); slot; slot = reader.tail()) {
    bytes += slot.bytes.length;
    reader.release(slot.id);
  }
  return bytes;
}

test('native code writes, and the owner goes on where it has ended', (t) => {
  const ends = lane(t);
  const { receiver, writer } = ends;
  firstUnit(receiver, 1000);
  const lent = writer.lend(undefined, UNLIMITED);
  receiver.lend(lent.native);
  // With the parameter sets, since these are new.
  const first = UNIT_HEAD_BYTES + AVC_SETS.length + 4 + 1000;
  assert.equal(lent.bytes, first);
  assert.equal(lent.last, 1);
  assert.equal(take(ends), first);
  assert.throws(() => writer.tryAppend(Buffer.alloc(10)), { code: 'DETACHED' });
  writer.takeBack();
  writer.takeBack();
  assert.equal(writer.tryAppend(Buffer.alloc(10)), 10);
  assert.equal(writer.tryEnd(), true);
  assert.equal(receiver.push(frame(1000)), true);
  assert.equal(lent.bytes, first, 'what comes after the loan is dropped');
  assert.equal(take(ends), 10);
});

test('a full lane stops the receiver until what waits has been drained', (t) => {
  const ends = lane(t);
  const { receiver, writer } = ends;
  firstUnit(receiver, 3 * SLOTS * SLOT_BYTES);
  const lent = writer.lend(undefined, UNLIMITED);
  receiver.lend(lent.native);
  assert.equal(receiver.next()?.kind, 'blocked');
  assert.equal(receiver.push(frame(10)), false);
  let taken = 0;
  while (!lent.drain()) {
    assert.equal(lent.poll(), 1);
    receiver.goOn();
    assert.equal(receiver.push(), false, 'something waits');
    taken += take(ends);
  }
  receiver.goOn();
  assert.equal(receiver.push(), true);
  assert.equal(taken + take(ends), lent.bytes);
  assert.equal(receiver.media().video.units, 2);
});

test('the limit of the body', (t) => {
  const { receiver, writer } = lane(t);
  firstUnit(receiver, 100);
  receiver.lend(writer.lend(undefined, 500).native);
  assert.equal(receiver.push(frame(1000)), false);
  const notice = receiver.next();
  assert.deepEqual([notice?.kind, notice && 'number' in notice && notice.number], ['failed', 43]);
});

test('a segment that is closed ends the loan', (t) => {
  const { segment, receiver, writer } = lane(t);
  firstUnit(receiver, 100);
  const lent = writer.lend(undefined, UNLIMITED);
  receiver.lend(lent.native);
  segment.close();
  assert.equal(receiver.push(frame(1000)), true);
  assert.throws(() => lent.drain(), { code: 'DETACHED' });
  assert.equal(lent.blockers(), 0n);
  writer.takeBack();
});
