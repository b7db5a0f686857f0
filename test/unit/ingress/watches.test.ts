import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateWatch, StallWatch } from '../../../src/ingress/watches.js';

test('a rate is looked at after the grace time, and then window by window', () => {
  const watch = new RateWatch(1000, 5000, 1000, 0);
  assert.equal(watch.due, 5000);
  assert.equal(watch.tooSlow(4999, 0), false);
  assert.equal(watch.tooSlow(5000, 6000), false);
  assert.equal(watch.due, 6000);
  assert.equal(watch.tooSlow(6000, 6900), true);
});

test('time in which the upload was paused does not count', () => {
  const watch = new RateWatch(1000, 1000, 1000, 0);
  watch.pause(100);
  assert.equal(watch.due, Number.POSITIVE_INFINITY);
  watch.pause(200);
  watch.resume(5100);
  assert.equal(watch.due, 6000);
  assert.equal(watch.tooSlow(6000, 1000), false);
  assert.equal(watch.tooSlow(7000, 1500), true);
});

test('a rate of 0 is never too slow', () => {
  const watch = new RateWatch(0, 1, 1, 0);
  assert.equal(watch.tooSlow(1e9, 0), false);
});

test('a stall is a counter that stands still while there is something to do', () => {
  const watch = new StallWatch(100);
  assert.equal(watch.stalled(0, 1, true), false);
  assert.equal(watch.due, 100);
  assert.equal(watch.stalled(90, 1, true), false);
  assert.equal(watch.stalled(100, 2, true), false);
  assert.equal(watch.stalled(199, 2, true), false);
  assert.equal(watch.stalled(200, 2, true), true);
});

test('with nothing to do a stall begins anew', () => {
  const watch = new StallWatch(100);
  watch.stalled(0, 1, true);
  assert.equal(watch.stalled(150, 1, false), false);
  assert.equal(watch.stalled(160, 1, true), false);
  assert.equal(watch.stalled(259, 1, true), false);
  assert.equal(watch.stalled(260, 1, true), true);
});

test('a limit of 0 is never reached', () => {
  const watch = new StallWatch(0);
  watch.stalled(0, 1, true);
  assert.equal(watch.stalled(1e9, 1, true), false);
  assert.equal(watch.due, Number.POSITIVE_INFINITY);
});
