import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lane, Segment, SlotFlag, streamIndex, WorkerRole } from '../../../src/ring/index.js';
import { machineInfo, nativeVersion, planGeometry } from '../../../src/ring/machine.js';
import { stageLane } from '../../../src/ring/stage-lane.js';
import { until, within } from '../../support/until.js';
import { attach, content, serverAndWorker, smallSegment } from './lanes.js';

describe('a segment', () => {
  it('is described the same on both sides', async (t) => {
    const { server, worker } = await serverAndWorker(t);
    assert.deepEqual(worker.description, server.description);
    assert.equal(server.description.pools[0]?.slotSize, 1024);
    assert.deepEqual(server.description.pools[0]?.stages, ['text']);
    assert.deepEqual(server.description.requiredObservers, ['scan']);
    assert.equal(server.description.serverPid, process.pid);
    assert.equal(server.worker, 0);
    assert.equal(worker.worker, 1);
    const rows = server.native.workers();
    assert.deepEqual(
      rows.map(({ index, name, pid }) => ({ index, name, pid })),
      [
        { index: 0, name: 'test server', pid: process.pid },
        { index: 1, name: 'test worker', pid: process.pid },
      ],
    );
  });

  it('says by code why it cannot be made or joined', async (t) => {
    const options = smallSegment(t);
    const pool = options.pools[0];
    assert.ok(pool);
    assert.throws(() => Segment.create({ ...options, pools: [{ ...pool, slotSize: 1000 }] }), {
      code: 'INVALID_GEOMETRY',
      message: /slotSize is 1000/,
    });
    assert.throws(() => Segment.create({ ...options, requiredObservers: ['a', 'a'] }), {
      code: 'INVALID_GEOMETRY',
    });
    assert.throws(() => Segment.create({ ...options, socket: 'x'.repeat(108) }), {
      code: 'INVALID_SOCKET_PATH',
    });
    await assert.rejects(attach(t, options.socket), { code: 'SERVER_GONE' });
    const server = Segment.create(options);
    t.after(() => server.close());
    assert.throws(() => Segment.create(options), { code: 'SOCKET_IN_USE' });
    await assert.rejects(attach(t, options.socket, WorkerRole.observer, 'nobody'), {
      code: 'UNKNOWN_OBSERVER',
    });
    await assert.rejects(attach(t, options.socket, 0), { code: 'INVALID_HANDSHAKE' });
    for (let i = 0; i < 3; i++) await attach(t, options.socket);
    await assert.rejects(attach(t, options.socket), { code: 'NO_FREE_WORKER' });
  });

  it('reports who comes and goes', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    let events = server.native.takeEvents();
    server.onWake(() => {
      events = [...events, ...server.native.takeEvents()];
    });
    const reader = worker.join(id, Lane.request, 0);
    worker.close();
    await until(() => events.some(({ type }) => type === 'dead'), 'the death');
    const [came, went] = events;
    assert.ok(came?.type === 'attached' && came.worker === 1 && came.name === 'test worker');
    assert.ok(went?.type === 'dead' && went.worker === 1 && went.readers === 1);
    // A reader that nothing refers to may be collected, and leaves its lane then.
    assert.equal(reader.left, false);
  });

  it('tells workers that its server has gone', async (t) => {
    const { server, worker } = await serverAndWorker(t);
    let woken = false;
    worker.onWake(() => {
      woken ||= !worker.native.connected();
    });
    assert.equal(worker.native.connected(), true);
    server.close();
    await until(() => woken, 'a wake after the end of the server');
  });

  it('detaches every view when it is closed, and answers with DETACHED', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    const writer = server.requestWriter(id);
    writer.tryWrite(content(1), SlotFlag.body);
    const reader = worker.join(id, Lane.request, 0);
    const slot = reader.tail();
    assert.equal(slot?.bytes.length, 100);
    const waiting = reader.wait();
    worker.close();
    worker.close();
    assert.equal(slot?.bytes.length, 0);
    await assert.rejects(within(waiting, 'the wait to end'), { code: 'DETACHED' });
    assert.throws(() => reader.tail(), { code: 'DETACHED' });
    assert.throws(() => worker.join(id, Lane.request, 0), { code: 'DETACHED' });
    assert.throws(() => reader.verify(1), { code: 'DETACHED' });
    reader.leave();
  });

  it('gives a monitor everything to see and nothing to do', async (t) => {
    const { server, worker, id, socket } = await serverAndWorker(t);
    const monitor = await attach(t, socket, WorkerRole.monitor);
    server.requestWriter(id).tryWrite(content(1), SlotFlag.head);
    const reader = worker.join(id, Lane.request, 0);
    assert.equal(monitor.worker, -1);
    const [stream] = monitor.native.streams();
    assert.equal(stream?.id, id);
    assert.equal(stream?.transport, 'test');
    const [request] = stream?.lanes ?? [];
    assert.deepEqual(request?.readers, [{ worker: 1, cursor: 0, lag: 1 }]);
    assert.equal(reader.left, false);
    assert.throws(() => monitor.join(id, Lane.request, 0), { code: 'PERMISSION_DENIED' });
    assert.throws(() => monitor.tryClaim(id, Lane.response), { code: 'PERMISSION_DENIED' });
    const into = new Uint8Array(1024);
    const meta = new Uint32Array(1);
    assert.equal(monitor.native.copySlot(id, Lane.request, 1, into, meta), 100);
    assert.equal(meta[0], SlotFlag.head);
    assert.deepEqual(into.subarray(0, 100), content(1));
    assert.equal(worker.native.openStream(0, 'x'), -18, 'only the server opens streams');
  });

  it('finds streams by id and stages by name', async (t) => {
    const { server, worker, id } = await serverAndWorker(t);
    assert.equal(server.native.streamAt(streamIndex(id)), id);
    assert.equal(worker.native.isOpen(id), 1);
    assert.equal(stageLane(worker, id, 'text'), Lane.firstStage);
    assert.throws(() => stageLane(worker, id, 'none'), { code: 'UNKNOWN_STAGE' });
    assert.equal(server.native.closeStream(id), 0);
    assert.equal(worker.native.isOpen(id), 0);
    assert.equal(server.native.reclaim(id), 0);
    const others = [server.native.openStream(0, 'test'), server.native.openStream(0, 'test')];
    assert.ok(others.some((other) => streamIndex(other) === streamIndex(id) && other !== id));
    for (const use of [
      () => worker.join(id, Lane.request, 0),
      () => worker.tryClaim(id, Lane.response),
      () => server.requestWriter(id),
    ]) {
      assert.throws(use, { code: 'STALE_STREAM' });
    }
  });

  it('takes nonsense for arguments without harm', async (t) => {
    const { server, worker } = await serverAndWorker(t);
    for (const id of [0, -1, 65_535, 2 ** 48, 2 ** 53, 1e300, Number.NaN, Number.MAX_VALUE]) {
      assert.throws(() => worker.join(id, Lane.request, 0), /./, String(id));
      assert.throws(() => server.requestWriter(id), /./, String(id));
      assert.ok(server.native.closeStream(id) < 0);
      assert.ok(server.native.reclaim(id) < 0);
      server.native.announce(id);
      server.native.announceAll(id);
      worker.native.passOn(id);
      assert.equal(worker.native.isOpen(id), 0);
      server.native.verdicts(id);
    }
    assert.equal(server.native.openStream(7, 'test'), -26);
  });
});

describe('the machine', () => {
  it('knows what a geometry costs', (t) => {
    const { pools, ...rest } = smallSegment(t);
    const plan = planGeometry({ ...rest, pools });
    assert.equal(plan.totalBytes, plan.controlBytes + plan.dataBytes);
    assert.equal(plan.startBytes, plan.totalBytes);
    assert.throws(() => planGeometry({ ...rest, pools: [] }), { code: 'INVALID_GEOMETRY' });
    assert.ok(machineInfo().memoryTotal > 0);
    assert.match(nativeVersion().abi, /^\d+\.\d+$/);
  });
});
