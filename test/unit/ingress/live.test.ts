import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Lane, SlotFlag } from '../../../src/ring/index.js';
import { Fixture, HEAD, Job, Sink, SLOT, SLOTS } from './fixture.js';

let fixture: Fixture;
afterEach(() => fixture.close());

const evicted = (error: unknown) => (error as { code?: string }).code === 'EVICTED';

test('a reader that lags is evicted at once, and the publisher does not wait', async () => {
  fixture = new Fixture();
  const exchange = fixture.open(new Sink(), HEAD, false, true);
  const job = new Job(await fixture.worker(), exchange.id);
  const laggard = (await fixture.worker()).join(exchange.id, Lane.request, 0);
  for (let i = 0; i < 4 * SLOTS; i++) {
    assert.equal(exchange.writeBody(new Uint8Array(SLOT)), true);
    assert.equal(job.read().slots, 1);
  }
  assert.throws(() => laggard.release(laggard.tail()?.id ?? 1), evicted);
  assert.equal(fixture.ingress.stats().evictionsTotal, 1);
  assert.equal(exchange.over, false);
});

test('the one that answers is waited for, and others do not pay for it', async () => {
  fixture = new Fixture();
  const exchange = fixture.open(new Sink(), HEAD, false, true);
  const job = new Job(await fixture.worker(), exchange.id);
  const other = (await fixture.worker()).join(exchange.id, Lane.request, 0);
  assert.equal(exchange.writeBody(new Uint8Array(2 * SLOTS * SLOT)), false);
  assert.equal(fixture.ingress.stats().evictionsTotal, 0);
  assert.equal(job.read().ended, false);
  other.leave();
});

test('without that, a reader that lags pauses the transport', async () => {
  fixture = new Fixture();
  const exchange = fixture.open();
  const job = new Job(await fixture.worker(), exchange.id);
  const laggard = (await fixture.worker()).join(exchange.id, Lane.request, 0);
  assert.equal(exchange.writeBody(new Uint8Array((SLOTS - 1) * SLOT)), true);
  job.read();
  assert.equal(exchange.writeBody(new Uint8Array(SLOT)), false);
  laggard.leave();
});

test('a keyframe begins a slot behind what waits, and repeats the head', async () => {
  fixture = new Fixture();
  const exchange = fixture.open();
  const { native } = fixture.segment;
  const job = new Job(await fixture.worker(), exchange.id);
  assert.equal(exchange.writeBody(new Uint8Array(SLOTS * SLOT)), false);
  assert.equal(exchange.beginKeyframe(), false);
  assert.equal(exchange.writeBody(Buffer.from('key')), false);
  assert.equal(native.keyframe(exchange.id, Lane.request), 0);
  const flags: number[] = [];
  while (flags.length < SLOTS + 3) {
    for (let slot = job.reader.tail(); slot; slot = job.reader.tail()) {
      flags.push(slot.flags);
      job.reader.release(slot.id);
    }
    exchange.pump();
    exchange.flush();
  }
  const { head, body, control } = SlotFlag;
  assert.deepEqual(flags, [head, ...Array(SLOTS).fill(body), control, body]);
  assert.equal(native.keyframe(exchange.id, Lane.request), SLOTS + 3);
});
