import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { GracePeriod, isSame } from '../../../src/transports/grace.js';

function period(t: TestContext, graceMs: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const expired: string[] = [];
  return { expired, grace: new GracePeriod<string>(graceMs, (one) => expired.push(one)) };
}

test('who does not come back in time has gone', (t) => {
  const { grace, expired } = period(t, 1000);
  assert.equal(grace.wait('a'), true);
  t.mock.timers.tick(600);
  assert.equal(grace.wait('b'), true);
  t.mock.timers.tick(399);
  assert.deepEqual([grace.has('a'), grace.size, expired], [true, 2, []]);
  t.mock.timers.tick(1);
  assert.deepEqual([grace.has('a'), grace.size, expired], [false, 1, ['a']]);
  t.mock.timers.tick(600);
  assert.deepEqual([grace.size, expired], [0, ['a', 'b']]);
});

test('who comes back is not told of, and may go again', (t) => {
  const { grace, expired } = period(t, 1000);
  grace.wait('a');
  t.mock.timers.tick(900);
  grace.end('a');
  grace.end('somebody else');
  t.mock.timers.tick(5000);
  assert.deepEqual(expired, []);
  grace.wait('a');
  t.mock.timers.tick(900);
  // It has all of the time again.
  grace.wait('a');
  t.mock.timers.tick(900);
  assert.deepEqual(expired, []);
  t.mock.timers.tick(100);
  assert.deepEqual(expired, ['a']);
});

test('without a grace time nothing waits', (t) => {
  const { grace, expired } = period(t, 0);
  assert.deepEqual([grace.wait('a'), grace.isOn, grace.size], [false, false, 0]);
  t.mock.timers.tick(10_000);
  assert.deepEqual(expired, []);
});

test('all can be ended at once, and may end others meanwhile', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const expired: string[] = [];
  const grace = new GracePeriod<string>(1000, (one) => {
    expired.push(one);
    grace.end(one);
  });
  for (const one of ['a', 'b', 'c']) grace.wait(one);
  grace.expireAll();
  t.mock.timers.tick(5000);
  assert.deepEqual([expired, grace.size], [['a', 'b', 'c'], 0]);
});

test('the same is who has the same name, or without a name the same address', () => {
  const who = (subject: string | undefined, peer: string) => ({ subject, peer });
  assert.equal(isSame(who('ann', '1.1.1.1'), who('ann', '2.2.2.2')), true);
  assert.equal(isSame(who('ann', '1.1.1.1'), who('bob', '1.1.1.1')), false);
  assert.equal(isSame(who('ann', '1.1.1.1'), who(undefined, '1.1.1.1')), false);
  assert.equal(isSame(who(undefined, '1.1.1.1'), who(undefined, '1.1.1.1')), true);
  assert.equal(isSame(who(undefined, '1.1.1.1'), who(undefined, '2.2.2.2')), false);
});
