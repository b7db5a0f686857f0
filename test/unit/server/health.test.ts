import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type HealthSource, health, readiness } from '../../../src/server/health.js';
import { Fixture, Sink, SLOT, SLOTS } from '../ingress/fixture.js';

let fixture: Fixture | undefined;
afterEach(() => {
  fixture?.close();
  fixture = undefined;
});

const LIMIT = 1000;

function source(more: Partial<HealthSource> = {}): HealthSource {
  fixture ??= new Fixture({ maxWaitingBytes: LIMIT });
  const { segment, ingress } = fixture;
  const wanted = { minWorkers: 0, minMemoryBytes: 0 };
  const state = { listening: true, draining: false, wanted };
  return { process: 'server', segment, ingress, ...state, ...more };
}

test('a process is ready when it listens, and until it drains', () => {
  assert.equal(readiness(source()).ok, true);
  assert.equal(readiness(source({ listening: false })).ok, false);
  assert.equal(readiness(source({ draining: true })).ok, false);
  assert.equal(health(source({ listening: false, draining: true })).ok, true);
});

test('it is not ready while as much waits as may', () => {
  const one = source();
  const exchange = (fixture as Fixture).open(new Sink());
  // The head has a slot of its own.
  assert.equal(exchange.writeBody(Buffer.alloc((SLOTS - 1) * SLOT + LIMIT - 1)), false);
  assert.equal(readiness(one).checks.memory?.ok, true);
  assert.equal(exchange.writeBody(Buffer.alloc(1)), false);
  assert.equal(one.ingress.stats().waitingBytes, LIMIT);
  const full = readiness(one);
  assert.deepEqual([full.ok, full.status, full.checks.memory], [false, 'not ready', { ok: false }]);
  exchange.abort('CLIENT_GONE');
  assert.equal(readiness(one).ok, true);
});

test('a process without its segment is neither alive nor ready', () => {
  const one = source();
  (fixture as Fixture).segment.close();
  assert.equal(health(one).status, 'failing');
  assert.deepEqual(health(one).checks, { segment: { ok: false } });
  assert.equal(readiness(one).ok, false);
});
