import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lane, SlotFlag } from '../../../src/ring/index.js';
import { within } from '../../support/until.js';
import { content, SLOT_BYTES, SLOTS, serverAndWorker } from './lanes.js';

describe('a lane', () => {
  it('carries slots in order, without a copy', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    const reader = worker.join(id, Lane.request, 0);
    assert.equal(reader.tail(), undefined);
    assert.equal(writer.tryWrite(content(1), SlotFlag.head), true);
    assert.equal(writer.tryAppend(content(2, SLOT_BYTES + 10)), SLOT_BYTES + 10);
    writer.flush();
    assert.equal(writer.tryEnd(), true);
    assert.equal(reader.last, 4);
    const slots = [1, 2, 3, 4].map(() => reader.tail());
    assert.deepEqual(
      slots.map((slot) => [slot?.id, slot?.bytes.length, slot?.flags]),
      [
        [1, 100, SlotFlag.head],
        [2, SLOT_BYTES, SlotFlag.body],
        [3, 10, SlotFlag.body],
        [4, 0, SlotFlag.end],
      ],
    );
    assert.equal(slots[1]?.bytes.buffer, worker.native.windows[0], 'a view on the mapping');
    assert.deepEqual(slots[1]?.bytes, content(2, SLOT_BYTES + 10).subarray(0, SLOT_BYTES));
    for (const slot of slots) reader.verify(slot?.id ?? 0);
    assert.throws(() => writer.tryWrite(content(1), SlotFlag.body), { code: 'LANE_ENDED' });
  });

  it('gives places back in the order of the ring, whatever is released first', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    const reader = worker.join(id, Lane.request, 0);
    for (let i = 1; i <= SLOTS; i++) assert.ok(writer.tryWrite(content(i), SlotFlag.body));
    assert.equal(writer.tryWrite(content(5), SlotFlag.body), false);
    for (let i = 1; i <= SLOTS; i++) reader.tail();
    reader.release(3);
    reader.release(2);
    assert.equal(reader.native.cursor, 0);
    assert.equal(writer.tryReserve(), undefined);
    reader.release(1);
    reader.release(1);
    assert.equal(reader.native.cursor, 3);
    assert.ok(writer.tryWrite(content(5), SlotFlag.body));
  });

  it('keeps a full lane whole for whoever joins late', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    const hold = server.join(id, Lane.request, 0);
    const bytes = content(1, 3 * SLOTS * SLOT_BYTES);
    assert.equal(writer.tryAppend(bytes), SLOTS * SLOT_BYTES);
    for (let i = 0; i < 3; i++) assert.equal(writer.poll(), 1);
    assert.equal(server.native.isWhole(id, Lane.request), 1);
    const reader = worker.join(id, Lane.request, 0);
    assert.equal(reader.gap, 0);
    assert.deepEqual(reader.tail()?.bytes, bytes.subarray(0, SLOT_BYTES));
    assert.equal(hold.left, false);
  });

  it('lets a writer wait for room and a reader for slots', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    const reader = worker.join(id, Lane.request, 0);
    const bytes = content(1, 100 * SLOT_BYTES + 17);
    const writing = writer.append(bytes).then(() => writer.end());
    const got: Uint8Array[] = [];
    const reading = (async () => {
      for await (const slot of reader.slots()) got.push(slot.bytes.slice());
    })();
    await within(Promise.all([writing, reading]), 'the transfer');
    assert.deepEqual(Buffer.concat(got), Buffer.from(bytes));
    reader.leave();
    reader.leave();
    assert.equal(reader.left, true);
  });

  it('is filled in place', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    const reader = worker.join(id, Lane.request, 0);
    assert.equal(writer.tryAppend(content(1, 10)), 10);
    const view = writer.tryReserve();
    assert.equal(view?.length, SLOT_BYTES);
    view?.set(content(2));
    assert.throws(() => writer.commit(SLOT_BYTES + 1), { code: 'SLOT_TOO_LARGE' });
    assert.throws(() => writer.commit(0), { code: 'INVALID_ARGUMENT' });
    writer.commit(100);
    assert.deepEqual(reader.tail()?.bytes, content(1, 10), 'what was appended before');
    assert.deepEqual(reader.tail()?.bytes, content(2));
    assert.throws(() => writer.tryWrite(content(1, SLOT_BYTES + 1), SlotFlag.body), {
      code: 'SLOT_TOO_LARGE',
    });
  });

  it('refuses what comes from or for an evicted reader', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    const reader = worker.join(id, Lane.request, 0);
    writer.tryWrite(content(1), SlotFlag.body);
    const slot = reader.tail();
    assert.equal(writer.native.blockers(), 0n);
    for (let i = 2; i <= SLOTS; i++) writer.tryWrite(content(i), SlotFlag.body);
    assert.equal(writer.native.blockers(), 1n << 1n);
    assert.equal(server.native.readersOf(id, Lane.request, 1), 1);
    assert.equal(server.native.evict(id, Lane.request, 1), 1);
    assert.equal(server.native.readerCount(id, Lane.request), 0);
    assert.throws(() => reader.release(slot?.id ?? 0), { code: 'EVICTED' });
    assert.throws(() => reader.tail(), { code: 'EVICTED' });
    const next = worker.join(id, Lane.request, 0);
    reader.leave();
    assert.equal(server.native.readerCount(id, Lane.request), 1, 'only its own place');
    assert.equal(next.tail()?.id, 1);
  });

  it('ends every wait with what became of the stream', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    const reader = worker.join(id, Lane.request, 0);
    for (let i = 1; i <= SLOTS; i++) writer.tryWrite(content(i), SlotFlag.body);
    const answer = worker.tryClaim(id, Lane.response);
    assert.ok(answer);
    while (reader.tail());
    const waits = [reader.wait(), writer.wait(), server.join(id, Lane.response, 0).wait()];
    assert.equal(server.native.abort(id, 46), 0);
    for (const wait of await within(Promise.allSettled(waits), 'the end of every wait')) {
      assert.equal(wait.status === 'rejected' && wait.reason.code, 'CLIENT_GONE');
    }
    assert.throws(() => answer.tryWrite(content(1), SlotFlag.head), { code: 'CLIENT_GONE' });
    await assert.rejects(reader.wait(), { code: 'CLIENT_GONE' }, 'and nobody begins to wait');
  });

  it('lets a wait be given up', async (t) => {
    const { worker, id } = await serverAndWorker(t);
    const reader = worker.join(id, Lane.request, 0);
    const controller = new AbortController();
    const wait = reader.wait(controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(wait, /enough/);
    await assert.rejects(reader.wait(controller.signal), /enough/);
  });
});

describe('a claim', () => {
  it('has one holder', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = worker.tryClaim(id, Lane.response);
    assert.ok(writer);
    assert.equal(server.tryClaim(id, Lane.response), undefined);
    assert.equal(server.native.ownerOf(id, Lane.response), 1);
    assert.throws(() => worker.tryClaim(id, Lane.request), { code: 'INVALID_ARGUMENT' });
    writer.release();
    writer.release();
    assert.equal(server.native.ownerOf(id, Lane.response), -1);
    assert.throws(() => writer.tryWrite(content(1), SlotFlag.head), { code: 'DETACHED' });
    assert.ok(server.tryClaim(id, Lane.response));
  });

  it('is given up with a reason that the reader sees', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const reader = server.join(id, Lane.response, 0);
    const writer = worker.tryClaim(id, Lane.response);
    const wait = reader.wait();
    writer?.fail(51);
    await assert.rejects(within(wait, 'the failure'), { code: 'WORKER_FAILED' });
    assert.equal(server.native.failureOf(id, Lane.response), 51);
  });

  it('of a dead worker is an orphan until the stream is re-queued', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = worker.tryClaim(id, Lane.response);
    assert.ok(writer?.tryWrite(content(1), SlotFlag.head));
    assert.ok(writer?.tryReserve());
    const died = new Promise<void>((resolve) => {
      server.onStream(() => {
        if (server.native.ownerOf(id, Lane.response) === -2) resolve();
      });
    });
    worker.close();
    await within(died, 'the orphan');
    assert.equal(server.tryClaim(id, Lane.response), undefined);
    assert.equal(server.native.requeue(id), 0);
    const next = server.tryClaim(id, Lane.response);
    assert.equal(next?.last, 0);
    assert.ok(next?.tryWrite(content(9), SlotFlag.head));
  });
});
