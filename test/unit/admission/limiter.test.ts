import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { Identity } from '../../../src/admission/identity.js';
import { Limiter } from '../../../src/admission/limiter.js';
import { type AdmissionLimits, admissionLimitsShape } from '../../../src/admission/limits.js';
import { Proxies } from '../../../src/admission/proxies.js';
import type { UploadResponseError } from '../../../src/errors/index.js';

const limits = (more: Partial<AdmissionLimits>) =>
  z.strictObject(admissionLimitsShape).parse(more) as AdmissionLimits;
const error = (code: string, retryAfterSeconds?: number) => (thrown: UploadResponseError) => {
  assert.equal(thrown.code, code);
  assert.equal(thrown.retryAfterSeconds, retryAfterSeconds);
  assert.equal(thrown.httpStatus, 429);
  return true;
};
const none = new Proxies([]);
const somebody = (subject: string, maxStreams?: number): Identity => ({
  subject,
  account: subject,
  maxStreams,
  maxBodyBytes: undefined,
  allows: () => true,
});

test('without limits nothing is remembered', () => {
  const limiter = new Limiter(limits({}));
  assert.equal(limiter.limitsRequests, false);
  limiter.connect('192.0.2.1');
  limiter.enter('192.0.2.1', true);
  limiter.enterAs(somebody('a'), true);
  limiter.failed('192.0.2.1');
  assert.deepEqual([limiter.peers, limiter.subjects], [0, 0]);
});

test('streams of a peer are counted, and given back once', () => {
  const limiter = new Limiter(limits({ maxStreamsPerPeer: 2 }));
  const leave = limiter.enter('2001:db8::1', true);
  limiter.enter('2001:db8::2', true);
  assert.throws(() => limiter.enter('2001:db8::3', true), error('TOO_MANY_STREAMS'));
  limiter.enter('2001:db8::3', false);
  limiter.enter('2001:db9::1', true)();
  leave();
  leave();
  limiter.enter('2001:db8::3', true);
  assert.throws(() => limiter.enter('2001:db8::3', true), error('TOO_MANY_STREAMS'));
  assert.equal(limiter.peers, 1);
});

test('streams of a subject are counted; its own limit goes before the common one', () => {
  const limiter = new Limiter(limits({ maxStreamsPerSubject: 1 }));
  const leave = limiter.enterAs(somebody('a'), true);
  assert.throws(() => limiter.enterAs(somebody('a'), true), error('TOO_MANY_STREAMS'));
  limiter.enterAs(somebody('b', 2), true);
  limiter.enterAs(somebody('b', 2), true);
  assert.throws(() => limiter.enterAs(somebody('b', 2), true), error('TOO_MANY_STREAMS'));
  leave();
  leave();
  assert.equal(limiter.subjects, 1);
  limiter.enterAs(somebody('a'), true);
  assert.throws(() => limiter.enterAs(somebody('a'), true), error('TOO_MANY_STREAMS'));
});

test('requests over the rate are told when to come again', () => {
  let now = 0;
  const rates = { requestsPerSecondPerPeer: 1, requestBurstPerPeer: 2 };
  const limiter = new Limiter(limits(rates), none, () => now);
  limiter.enter('192.0.2.1', true);
  limiter.enter('192.0.2.1', false);
  assert.throws(() => limiter.enter('192.0.2.1', true), error('TOO_MANY_REQUESTS', 1));
  limiter.enter('192.0.2.2', true);
  now = 1000;
  limiter.enter('192.0.2.1', true);
});

test('connections are counted in total and for each peer, and their rate', () => {
  let now = 0;
  const limiter = new Limiter(
    limits({
      maxConnections: 3,
      maxConnectionsPerPeer: 2,
      connectionsPerSecondPerPeer: 1,
      connectionBurstPerPeer: 3,
    }),
    none,
    () => now,
  );
  const first = limiter.connect('192.0.2.1');
  limiter.connect('192.0.2.1');
  assert.throws(() => limiter.connect('192.0.2.1'), error('TOO_MANY_CONNECTIONS'));
  limiter.connect('192.0.2.2');
  assert.throws(() => limiter.connect('192.0.2.3'), error('TOO_MANY_CONNECTIONS'));
  first();
  first();
  limiter.connect('192.0.2.1')();
  assert.throws(() => limiter.connect('192.0.2.1'), error('TOO_MANY_REQUESTS', 1));
  now = 1000;
  limiter.connect('192.0.2.1')();
});

test('after too many wrong credentials a peer is not looked at for a while', () => {
  let now = 0;
  const limiter = new Limiter(limits({ authFailuresPerMinutePerPeer: 2 }), none, () => now);
  limiter.enter('192.0.2.1', true);
  limiter.failed('192.0.2.1');
  limiter.failed('192.0.2.1');
  assert.throws(() => limiter.enter('192.0.2.1', true), error('TOO_MANY_REQUESTS', 30));
  limiter.enter('192.0.2.2', true);
  now = 30_000;
  limiter.enter('192.0.2.1', true);
});
