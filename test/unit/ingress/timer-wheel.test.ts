import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Timed, TimerWheel } from '../../../src/ingress/timer-wheel.js';
import { until } from '../../support/until.js';

class Probe implements Timed {
  readonly times: number[] = [];
  constructor(readonly then: () => void = () => {}) {}
  onTime(now: number): void {
    this.times.push(now);
    this.then();
  }
}

test('runs what is due, not before, in order of time', async () => {
  const wheel = new TimerWheel();
  const order: string[] = [];
  const begun = wheel.now();
  const late = new Probe(() => order.push('late'));
  wheel.schedule(late, begun + 60);
  wheel.schedule(new Probe(() => order.push('early')), begun + 20);
  await until(() => order.length === 2, 'both');
  assert.deepEqual(order, ['early', 'late']);
  assert.ok((late.times[0] ?? 0) >= begun + 58);
  assert.equal(wheel.size, 0);
});

test('the order is that of time too when all are late', async () => {
  const wheel = new TimerWheel();
  const order: number[] = [];
  const begun = wheel.now();
  for (const ms of [30, 10, 20]) wheel.schedule(new Probe(() => order.push(ms)), begun + ms);
  while (wheel.now() < begun + 50);
  await until(() => order.length === 3, 'all of them');
  assert.deepEqual(order, [10, 20, 30]);
});

test('setting a time again replaces it; scheduleBy keeps the earlier one', async () => {
  const wheel = new TimerWheel();
  const moved = new Probe();
  const kept = new Probe();
  const now = wheel.now();
  wheel.schedule(moved, now + 10);
  wheel.schedule(moved, now + 100_000);
  wheel.schedule(kept, now + 100_000);
  wheel.scheduleBy(kept, now + 10);
  wheel.scheduleBy(kept, now + 200_000);
  await until(() => kept.times.length === 1, 'the kept one');
  assert.equal(moved.times.length, 0);
  assert.equal(wheel.size, 1);
  wheel.stop();
});

test('what is cancelled does not run, not even from a neighbour of the same time', async () => {
  const wheel = new TimerWheel();
  const victim = new Probe();
  const now = wheel.now();
  const killer = new Probe(() => wheel.cancel(victim));
  wheel.schedule(killer, now + 10);
  wheel.schedule(victim, now + 10);
  await until(() => killer.times.length === 1, 'the killer');
  assert.equal(victim.times.length, 0);
  assert.equal(wheel.size, 0);
});

test('what runs may set itself again', async () => {
  const wheel = new TimerWheel();
  const again: Probe = new Probe(() => {
    if (again.times.length < 3) wheel.schedule(again, wheel.now() + 1);
  });
  wheel.schedule(again, 0);
  await until(() => again.times.length === 3, 'three rounds');
  assert.equal(wheel.size, 0);
});
