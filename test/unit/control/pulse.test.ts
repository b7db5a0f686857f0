import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { Pulse } from '../../../src/control/pulse.js';
import { until } from '../../support/until.js';

const bounded = { timeout: 30_000 };

function pulse(t: TestContext, timeoutMs: number) {
  const ends: number[] = [];
  const made = new Pulse(timeoutMs, () => ends.push(performance.now()));
  t.after(() => made.stop());
  // Its timer is not to keep a process alive: here something has to.
  const alive = setInterval(() => undefined, 10);
  t.after(() => clearInterval(alive));
  return { made, ends };
}

test('silent for its time it has ended, once', bounded, async (t) => {
  const began = performance.now();
  const { made, ends } = pulse(t, 400);
  assert.ok(made.leftMs <= 400);
  await until(() => ends.length > 0, 'the end');
  assert.ok((ends[0] as number) - began >= 399);
  assert.equal(made.leftMs, 0);
});

test('being heard of begins its time anew, and may change it', bounded, async (t) => {
  const { made, ends } = pulse(t, 1000);
  const began = performance.now();
  await until(() => {
    made.beat();
    return performance.now() - began > 1500;
  }, 'some beats');
  assert.equal(ends.length, 0);
  made.beat(1_000_000);
  assert.ok(made.leftMs > 900_000);
  assert.equal(made.timeoutMs, 1_000_000);
  made.beat(20);
  await until(() => ends.length > 0, 'the end');
});

test('while a request of it waits it need not be heard of', bounded, async (t) => {
  const { made, ends } = pulse(t, 30);
  let finish: () => void = () => undefined;
  const waiting = made.during(
    0,
    (extend) =>
      new Promise<void>((resolve) => {
        extend(10_000);
        finish = resolve;
      }),
  );
  const began = performance.now();
  await until(() => performance.now() - began > 150, 'a while');
  assert.equal(ends.length, 0);
  finish();
  await waiting;
  assert.ok(made.leftMs <= 30);
  await until(() => ends.length > 0, 'the end after the request', 5000);
});

test('a process that was busy itself looks first at what has come', bounded, async (t) => {
  const { made, ends } = pulse(t, 50);
  const busyUntil = performance.now() + 700;
  // Comes while the process is busy, and is seen after the timer.
  const { port1, port2 } = new MessageChannel();
  const heard = once(port2, 'message').then(() => made.beat(10_000));
  port1.postMessage('alive');
  while (performance.now() < busyUntil);
  await heard;
  assert.equal(ends.length, 0);
  const began = performance.now();
  await until(() => performance.now() - began > 600, 'more than its grace');
  assert.equal(ends.length, 0);
  port1.close();
});
