import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BothBacklogs, WaitingBudget } from '../../../../src/ingress/waiting-budget.js';
import { ListenerBacklog } from '../../../../src/transports/http3/backlog.js';

function make(streamBudgetBytes = 100, budgetBytes = 100) {
  const calls: string[] = [];
  const listener = new ListenerBacklog(
    { streamBudgetBytes, budgetBytes },
    () => calls.push('pause'),
    () => calls.push('resume'),
  );
  return { calls, listener };
}

describe('the backlog of HTTP/3', () => {
  test('holds clients back at half, and lets them go at a quarter', () => {
    const { calls, listener } = make();
    const [one, other] = [listener.stream(), listener.stream()];
    one.take(49);
    assert.deepEqual(calls, []);
    other.take(1);
    other.take(10);
    assert.deepEqual(calls, ['pause']);
    one.give(30);
    assert.deepEqual(calls, ['pause']);
    one.give(5);
    assert.deepEqual([calls, listener.usedBytes], [['pause', 'resume'], 25]);
    one.take(30);
    assert.deepEqual(calls, ['pause', 'resume', 'pause']);
  });

  test('refuses a stream beyond its budget, and anybody beyond all', () => {
    const { listener } = make(60, 100);
    const [one, other] = [listener.stream(), listener.stream()];
    one.take(60);
    assert.throws(() => one.take(1), { code: 'BACKLOG_LIMIT' });
    other.take(40);
    assert.throws(() => other.take(1), { code: 'BACKLOG_LIMIT' });
    assert.equal(listener.usedBytes, 100);
    one.give(60);
    other.take(20);
    assert.equal(listener.usedBytes, 60);
  });

  test('together with another one takes of both or of none', () => {
    const { listener } = make(50, 100);
    const shared = new WaitingBudget(80);
    const both = new BothBacklogs(listener.stream(), shared);
    const second = new BothBacklogs(listener.stream(), shared);
    assert.equal(both.take(50), true);
    assert.throws(() => both.take(1), { code: 'BACKLOG_LIMIT' });
    assert.equal(shared.usedBytes, 50);
    assert.equal(second.take(40), false);
    assert.deepEqual([listener.usedBytes, shared.usedBytes], [50, 50]);
    both.give(50);
    assert.deepEqual([listener.usedBytes, shared.usedBytes], [0, 0]);
    const reversed = new BothBacklogs(shared, listener.stream());
    assert.throws(() => reversed.take(60), { code: 'BACKLOG_LIMIT' });
    assert.deepEqual([listener.usedBytes, shared.usedBytes], [0, 0]);
  });
});
