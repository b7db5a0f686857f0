import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { decodeHeaders, encodeHeaders } from '../../../src/protocols/hpks/index.js';
import { Lane, SlotFlag } from '../../../src/ring/index.js';
import { until } from '../../support/until.js';
import { Fixture, HEAD, Job, Sink, SLOT, SLOTS } from './fixture.js';

let fixture: Fixture;
afterEach(() => fixture.close());

test('the head is the first slot, and holds the stream’s own id', async () => {
  fixture = new Fixture();
  const exchange = fixture.open();
  const bytes = new Uint8Array(SLOT);
  const meta = new Uint32Array(1);
  const length = fixture.segment.native.copySlot(exchange.id, Lane.request, 1, bytes, meta);
  assert.equal(meta[0], SlotFlag.head);
  const { streamId, head } = decodeHeaders(bytes.subarray(0, length)).frame;
  assert.deepEqual([streamId, head], [BigInt(exchange.id), HEAD]);
});

test('bytes of one turn share a slot, and are not held back longer', async () => {
  fixture = new Fixture();
  const exchange = fixture.open();
  for (let i = 0; i < 100; i++) assert.equal(exchange.writeBody(Buffer.from('0123456789')), true);
  assert.equal(fixture.segment.native.lastOf(exchange.id, Lane.request), 1);
  await turn();
  await turn();
  const job = new Job(await fixture.worker(), exchange.id);
  assert.deepEqual(job.read(), { bytes: 1000, slots: 1, ended: false });
});

test('a full lane pauses the transport and keeps the rest; a reader resumes it', async () => {
  fixture = new Fixture();
  const exchange = fixture.open();
  const worker = await fixture.worker();
  assert.equal(exchange.writeBody(new Uint8Array(10 * SLOT)), false);
  assert.equal(exchange.writeBody(new Uint8Array(5)), false);
  exchange.endBody();
  const job = new Job(worker, exchange.id);
  let bytes = 0;
  let ended = false;
  await until(() => {
    const read = job.read();
    bytes += read.bytes;
    ended = read.ended;
    return ended;
  }, 'the end');
  assert.equal(bytes, 10 * SLOT + 5);
  assert.equal(fixture.resumed, 0, 'nothing is resumed after the end');
});

test('onResume comes when everything that waited has found room', async () => {
  fixture = new Fixture();
  const exchange = fixture.open();
  const job = new Job(await fixture.worker(), exchange.id);
  assert.equal(exchange.writeBody(new Uint8Array((SLOTS + 1) * SLOT)), false);
  await until(() => {
    job.read();
    return fixture.resumed > 0;
  }, 'the resume');
  assert.equal(exchange.writeBody(new Uint8Array(10)), true);
});

test('chunks are freed only where the transport gives them away', () => {
  fixture = new Fixture();
  const kept = new Uint8Array(SLOT);
  fixture.open().writeBody(kept);
  assert.equal(kept.length, SLOT);
  const given = new Uint8Array(SLOT);
  fixture.open(new Sink(), HEAD, true).writeBody(given);
  assert.equal(given.length, 0);
});

test('the response is not copied, and its slot stays until it is taken', async () => {
  fixture = new Fixture();
  const sink = new Sink();
  const exchange = fixture.open(sink);
  const job = new Job(await fixture.worker(), exchange.id);
  job.head(201, [['x-a', 'b']]);
  job.body('one');
  job.body('two');
  await until(() => sink.views.length === 2, 'two views');
  assert.deepEqual([sink.status, sink.headers], [201, [['x-a', 'b']]]);
  assert.ok(fixture.segment.native.windows.includes(sink.views[0]?.buffer as ArrayBuffer));
  job.body('three');
  assert.equal(job.writer.tryWrite(Buffer.from('four'), SlotFlag.body), true, 'head is released');
  assert.equal(job.writer.tryWrite(Buffer.from('five'), SlotFlag.body), false, 'one is lent');
  sink.taken.shift()?.();
  assert.equal(job.writer.tryWrite(Buffer.from('five'), SlotFlag.body), true);
  assert.equal(Buffer.from(sink.views[1] as Uint8Array).toString(), 'two');
});

test('a claim that comes while the claim is looked at is no failure', async () => {
  fixture = new Fixture();
  const sink = new Sink();
  const worker = await fixture.worker();
  const { native } = fixture.segment;
  const failureOf = native.failureOf.bind(native);
  const ownerOf = native.ownerOf.bind(native);
  let id = 0;
  let looking = false;
  let job: Job | undefined;
  const look: typeof failureOf = (...of) => {
    looking = true;
    return failureOf(...of);
  };
  const claimAfterTheLook: typeof ownerOf = (...of) => {
    const owner = ownerOf(...of);
    if (looking && id > 0 && !job) {
      job = new Job(worker, id);
      job.head();
    }
    return owner;
  };
  Object.defineProperty(native, 'failureOf', { value: look });
  Object.defineProperty(native, 'ownerOf', { value: claimAfterTheLook });
  id = fixture.open(sink).id;
  await until(() => job !== undefined, 'a look at the claim');
  await until(() => sink.calls.length > 0, 'the head, or a failure');
  job?.body('whole');
  job?.end();
  await until(() => sink.calls.includes('end') || sink.error !== undefined, 'an end');
  assert.deepEqual([sink.calls, sink.error], [['head', 'body', 'end'], undefined]);
});

test('a sink that is full is left alone until it is ready', async () => {
  fixture = new Fixture();
  const sink = new Sink();
  sink.room = false;
  const exchange = fixture.open(sink);
  const job = new Job(await fixture.worker(), exchange.id);
  job.head();
  job.body('one');
  job.body('two');
  await until(() => sink.views.length === 1, 'one view');
  await turn();
  assert.equal(sink.views.length, 1);
  exchange.sinkReady();
  assert.equal(sink.views.length, 2);
  sink.room = true;
  exchange.sinkReady();
  job.end();
  await until(() => sink.calls.includes('end'), 'the end');
});

test('the stream is closed when the last view was taken', async () => {
  fixture = new Fixture();
  const sink = new Sink();
  const exchange = fixture.open(sink);
  exchange.endBody();
  const job = new Job(await fixture.worker(), exchange.id);
  job.head();
  job.body('one');
  job.end();
  await until(() => sink.calls.includes('end'), 'the end');
  assert.equal(exchange.over, false);
  sink.takeAll();
  assert.equal(exchange.over, true);
  await fixture.free();
  const { completedTotal, sentBytes, failedTotal } = stats();
  assert.deepEqual([completedTotal, sentBytes, failedTotal], [1, 3, {}]);
});

test('an abort tells the worker why and frees the stream', async () => {
  fixture = new Fixture();
  const sink = new Sink();
  const exchange = fixture.open(sink);
  const worker = await fixture.worker();
  const job = new Job(worker, exchange.id);
  exchange.abort('CLIENT_GONE');
  exchange.abort('BAD_REQUEST');
  await assert.rejects(
    async () => {
      for (;;) {
        if (!job.reader.tail()) await job.reader.wait();
      }
    },
    { code: 'CLIENT_GONE' },
  );
  assert.deepEqual(sink.calls, []);
  assert.equal(fixture.ingress.stats().setAside, 1);
  job.leave();
  await fixture.free();
  assert.equal(stats().failedTotal.CLIENT_GONE, 1);
});

test('nothing is taken or given after the end', async () => {
  fixture = new Fixture();
  const sink = new Sink();
  const exchange = fixture.open(sink);
  exchange.abort('CLIENT_GONE');
  assert.equal(exchange.writeBody(new Uint8Array(100 * SLOT)), true);
  exchange.endBody();
  exchange.sinkReady();
  exchange.fail('WORKER_FAILED');
  assert.deepEqual(sink.calls, []);
});

test('a worker that overwrites the lane’s words costs its own stream only', async () => {
  fixture = new Fixture();
  const sink = new Sink();
  const exchange = fixture.open(sink);
  const job = new Job(await fixture.worker(), exchange.id);
  job.head();
  job.body('one');
  await until(() => sink.views.length === 1, 'a view');
  // What such a worker would do to our own reader's word.
  fixture.segment.native.evict(exchange.id, Lane.response, fixture.segment.worker);
  sink.takeAll();
  assert.equal(sink.error?.code, 'EVICTED');
  job.leave();
  await fixture.free();
  fixture.open().abort('CLIENT_GONE');
});

test('a head that does not fit into a slot is refused, and costs no stream', async () => {
  fixture = new Fixture();
  const headers = [['x', 'y'.repeat(SLOT)]] as const;
  assert.throws(() => fixture.open(new Sink(), { ...HEAD, headers }), { code: 'HEAD_TOO_LARGE' });
  assert.throws(() => fixture.open(new Sink(), { ...HEAD, path: 'a b' }), {
    code: 'HPKS_BAD_PATH',
  });
  await fixture.free();
});

test('no free stream is an error at once; a closed one is used again', async () => {
  fixture = new Fixture({}, 1);
  const first = fixture.open();
  assert.throws(() => fixture.open(), { code: 'NO_FREE_STREAM' });
  first.abort('CLIENT_GONE');
  assert.notEqual(fixture.open().id, first.id);
});

test('a stream that nobody takes is offered to all, and then given up', async () => {
  fixture = new Fixture({ claimPatienceMs: 1, noWorkerTimeoutMs: 30 });
  const sink = new Sink();
  fixture.open(sink);
  await until(() => sink.error !== undefined, 'the error');
  assert.equal(sink.error?.code, 'NO_WORKER');
  assert.equal(sink.answer?.status, 503);
  assert.equal(fixture.ingress.stats().offersToAllTotal, 1);
});

test('a responder that reads without a claim counts as a worker', async () => {
  fixture = new Fixture({ noWorkerTimeoutMs: 20, responseTimeoutMs: 100 });
  const worker = await fixture.worker();
  const sink = new Sink();
  const exchange = fixture.open(sink);
  exchange.writeBody(Buffer.from('x'));
  exchange.endBody();
  const reader = worker.join(exchange.id, Lane.request, 0);
  await until(() => sink.error !== undefined, 'the error');
  assert.equal(sink.error?.code, 'RESPONSE_TIMEOUT');
  reader.leave();
});

test('a claimer that joins a lane that was full for long, and does not read, is evicted', async () => {
  fixture = new Fixture({ evictAfterMs: 50, clientStallTimeoutMs: 0, noWorkerTimeoutMs: 50 });
  const worker = await fixture.worker();
  const sink = new Sink();
  const exchange = fixture.open(sink);
  const writer = worker.tryClaim(exchange.id, Lane.response);
  writer?.tryWrite(
    encodeHeaders(exchange.id, { kind: 'response', version: 1, status: 200, headers: [] }),
    SlotFlag.head,
  );
  assert.equal(exchange.writeBody(new Uint8Array(10 * SLOT)), false);
  const begun = performance.now();
  await until(() => sink.status === 200 && performance.now() > begun + 200, 'some looks');
  const reader = worker.join(exchange.id, Lane.request, 0);
  await until(() => sink.error !== undefined, 'the eviction');
  assert.match(sink.error?.message ?? '', /evicted/);
  reader.leave();
  writer?.release();
});

test('closing fails what is under way', () => {
  fixture = new Fixture();
  const sink = new Sink();
  fixture.open(sink);
  fixture.ingress.close();
  assert.equal(sink.error?.code, 'SHUTTING_DOWN');
  assert.throws(() => fixture.open(), { code: 'SHUTTING_DOWN' });
});

test('idle resolves when nothing is under way', async () => {
  fixture = new Fixture();
  await fixture.ingress.idle();
  const exchange = fixture.open();
  let idle = false;
  const waited = fixture.ingress.idle().then(() => {
    idle = true;
  });
  await turn();
  assert.equal(idle, false);
  exchange.abort('CLIENT_GONE');
  await waited;
});

function stats() {
  const { test: transport } = fixture.ingress.stats().transports;
  assert.ok(transport);
  return transport;
}
