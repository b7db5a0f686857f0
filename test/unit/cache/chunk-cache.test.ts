import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { attachChunkCache, createChunkCache, type TailSlot } from '../../../src/cache/index.js';
import { bounded, code, until } from '../worker/fixture.js';
import { socketFolder } from '../worker/tiny-server.js';

const bytes = (text: string) => Buffer.from(text);
const request = { version: 1, method: 'POST', path: '/up?a=1', headers: [['a', 'b']] } as const;
const response = { version: 1, status: 200, headers: [] } as const;

function text(slot: TailSlot | undefined): string {
  assert.equal(slot?.type, 'body');
  return Buffer.from((slot as { bytes: Uint8Array }).bytes).toString();
}

/** The server's cache, and a worker's on another attachment. */
async function caches(t: TestContext) {
  const { socket, clean } = socketFolder();
  const server = createChunkCache({
    socket,
    name: 'server',
    maxWorkers: 8,
    requiredObservers: [],
    memory: 'fixed',
    warmStreams: 0,
    pools: ['main', 'small'].map((name) => ({
      name,
      streams: 2,
      slotSize: name === 'main' ? 4096 : 1024,
      requestSlots: 8,
      responseSlots: 4,
      stageSlots: 4,
      stages: ['first'],
      readersPerLane: 4,
    })),
  });
  const worker = await attachChunkCache({ socket, name: 'worker' });
  t.after(() => {
    worker.close();
    server.close();
    clean();
  });
  return { server, worker };
}

test('a whole exchange by slot ids', bounded, async (t) => {
  const { server, worker } = await caches(t);
  const id = server.openStream();
  assert.equal(server.requestLast(id), 0);
  assert.equal(worker.tailRequest(id, 1), undefined);
  await server.writeRequestHeaders(id, request);
  await server.appendRequestBody(id, bytes('hello'));
  await server.endRequest(id, [['x-sum', '1']]);
  assert.equal(worker.requestLast(id), 4);
  assert.equal(worker.hasReaders(id), false);
  worker.registerReader(id);
  worker.registerReader(id);
  assert.equal(server.readerCount(id), 1);
  assert.deepEqual(worker.tailRequest(id, 1), {
    type: 'headers',
    slot: 1,
    head: { kind: 'request', ...request },
  });
  assert.equal(text(worker.tailRequest(id, 2)), 'hello');
  assert.equal(text(worker.tailRequest(id, 2)), 'hello');
  assert.deepEqual(worker.tailRequest(id, 3), {
    type: 'trailers',
    slot: 3,
    headers: [['x-sum', '1']],
  });
  assert.deepEqual(worker.tailRequest(id, 4), { type: 'end', slot: 4 });
  assert.equal(worker.tailRequest(id, 5), undefined);

  assert.equal(server.responseOwner(id), undefined);
  assert.equal(worker.tryClaimResponse(id), true);
  assert.equal(worker.tryClaimResponse(id), true);
  assert.equal(server.tryClaimResponse(id), false);
  assert.equal(server.responseOwner(id), worker.workers()[1]?.index);
  await assert.rejects(async () => server.appendResponseBody(id, bytes('x')), code('NOT_OWNER'));
  await worker.writeResponseHeaders(id, response);
  await worker.appendResponseBody(id, bytes('answer'));
  assert.equal(worker.tryEndResponse(id), true);
  const slots: TailSlot[] = [];
  for await (const slot of server.responseSlots(id)) {
    slots.push(slot.type === 'body' ? { ...slot, bytes: slot.bytes.slice() } : slot);
  }
  assert.deepEqual(
    slots.map(({ type }) => type),
    ['headers', 'body'],
  );
  assert.equal(server.responseLast(id), 3);
  const closing = server.closeStream(id);
  worker.leaveStream(id);
  await closing;
  assert.throws(() => worker.tailRequest(id, 1), code('STALE_STREAM'));
});

test(
  'a registered reader gets views and holds the writer back; others get copies',
  bounded,
  async (t) => {
    const { server, worker } = await caches(t);
    const id = server.openStream('main');
    worker.registerReader(id);
    await server.writeRequestHeaders(id, request);
    for (let i = 2; i <= 8; i++) await server.appendRequestBody(id, bytes(`slot ${i}`));
    assert.equal(server.tryAppendRequestBody(id, bytes('slot 9')), 0);
    const copy = server.tailRequest(id, 2);
    assert.ok(copy?.type === 'body' && copy.bytes.buffer.byteLength < 10_000);
    const view = worker.tailRequest(id, 2);
    assert.ok(view?.type === 'body' && view.bytes.buffer.byteLength > 10_000);
    assert.equal(server.tryAppendRequestBody(id, bytes('slot 9')), 6);
    assert.equal(text(worker.tailRequest(id, 9)), 'slot 9');
    assert.equal(text(worker.tailRequest(id, 4)), 'slot 4');
    for (let i = 10; i <= 16; i++) await server.appendRequestBody(id, bytes(`slot ${i}`));
    assert.throws(() => worker.tailRequest(id, 4), code('LAPPED'));
    const waiting = server.appendRequestBody(id, bytes('slot 17'));
    worker.tailRequest(id, 10);
    await waiting;
    assert.equal(server.requestLast(id), 17);
  },
);

test('a full lane waits for a first reader', bounded, async (t) => {
  const { server, worker } = await caches(t);
  const id = server.openStream();
  await server.writeRequestHeaders(id, request);
  const sent = (async () => {
    for (let i = 0; i < 40; i++) await server.appendRequestBody(id, bytes(`part ${i} `));
    await server.endRequest(id);
  })();
  let read = '';
  const reading = (async () => {
    for await (const slot of worker.requestSlots(id)) {
      if (slot.type === 'body') read += Buffer.from(slot.bytes).toString();
    }
  })();
  await Promise.all([sent, reading]);
  assert.equal(read, Array.from({ length: 40 }, (_, i) => `part ${i} `).join(''));
  assert.equal(server.hasReaders(id), false);
});

test('stages are lanes like the others', bounded, async (t) => {
  const { server, worker } = await caches(t);
  const id = server.openStream();
  assert.equal(worker.tryClaimStage(id, 'first'), true);
  assert.equal(server.tryClaimStage(id, 'first'), false);
  assert.equal(server.stageOwner(id, 'first'), worker.workers()[1]?.index);
  await worker.appendStage(id, 'first', bytes('one'));
  assert.equal(worker.tryAppendStage(id, 'first', bytes('two')), 3);
  await worker.endStage(id, 'first');
  assert.equal(server.stageLast(id, 'first'), 3);
  assert.equal(text(server.tailStage(id, 'first', 2)), 'two');
  const read: string[] = [];
  for await (const slot of server.stageSlots(id, 'first')) read.push(text(slot));
  assert.deepEqual(read, ['one', 'two']);
  assert.throws(() => worker.tryClaimStage(id, 'second'), code('UNKNOWN_STAGE'));
  worker.registerReader(id, 'first', -1);
  assert.equal(server.readerCount(id, 'first'), 1);
  worker.unregisterReader(id, 'first');
  worker.unregisterReader(id, 'first');
  assert.equal(server.hasReaders(id, 'first'), false);
});

test('pools, and places that run out', bounded, async (t) => {
  const { server } = await caches(t);
  assert.throws(() => server.openStream('none'), code('UNKNOWN_POOL'));
  const ids = [server.openStream('small'), server.openStream('small', 'test')];
  assert.throws(() => server.openStream('small'), code('NO_FREE_STREAM'));
  await server.closeStream(ids[0] as number);
  const again = server.openStream('small');
  assert.notEqual(again, ids[0]);
  assert.throws(() => server.requestLast(ids[0] as number), code('STALE_STREAM'));
});

test('heartbeats add up to the capacity', bounded, async (t) => {
  const { server, worker } = await caches(t);
  worker.heartbeat(8, 3);
  assert.equal(server.capacity(), 5);
  worker.heartbeat(2, 3);
  assert.equal(server.capacity(), 0);
  assert.equal(server.workers().length, 2);
});

test('an iteration ends with the stream', bounded, async (t) => {
  const { server, worker } = await caches(t);
  const id = server.openStream();
  await server.writeRequestHeaders(id, request);
  const slots = worker.requestSlots(id);
  assert.equal((await slots.next()).value?.type, 'headers');
  const next = slots.next();
  server.abortStream(id, 'CLIENT_GONE');
  await assert.rejects(next, code('CLIENT_GONE'));
  await until(() => !server.hasReaders(id));
  assert.throws(() => worker.tailRequest(id, 2), code('CLIENT_GONE'));
});

test('a worker hears of new streams', bounded, async (t) => {
  const { server, worker } = await caches(t);
  const heard: number[] = [];
  const stop = worker.onStream((id) => heard.push(id));
  const id = server.openStream();
  assert.deepEqual(worker.listStreams(), []);
  await server.writeRequestHeaders(id, request);
  server.announceStream(id);
  await until(() => heard.length > 0);
  assert.equal(heard[0], id);
  assert.deepEqual(worker.listStreams(true), [id]);
  assert.equal(worker.tryClaimResponse(id), true);
  assert.deepEqual([worker.listStreams(true), worker.listStreams()], [[], [id]]);
  const before = heard.length;
  const slots = worker.requestSlots(id);
  await slots.next();
  await server.appendRequestBody(id, bytes('x'));
  assert.equal((await slots.next()).value?.type, 'body');
  assert.equal(heard.length, before, 'it works on it already');
  stop();
});
