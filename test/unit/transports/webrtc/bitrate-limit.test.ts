import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitrateLimit } from '../../../../src/transports/webrtc/bitrate-limit.js';

test('a publisher whose worker is behind is told less than it sends, then more and more', () => {
  const limit = new BitrateLimit(4_000_000, 0);
  let nowMs = 0;
  const second = (isBehind: boolean, bytes: number) => {
    limit.received(bytes);
    nowMs += 1000;
    limit.look(isBehind, nowMs);
    return limit.bitsPerSecond;
  };
  assert.equal(second(false, 250_000), 4_000_000);
  assert.equal(second(true, 250_000), 1_500_000, 'three quarters of 2 Mbit/s');
  assert.equal(second(true, 250_000), 1_125_000, 'a sender that does not obey');
  assert.equal(second(true, 0), 100_000, 'the least');
  assert.equal(second(true, 250_000), 100_000);
  assert.deepEqual([second(false, 0), second(false, 0)], [125_000, 156_250]);
  for (let i = 0; i < 20; i++) second(false, 1_000_000);
  assert.equal(limit.bitsPerSecond, 4_000_000);
});

test('a rate is looked at over a second', () => {
  const limit = new BitrateLimit(4_000_000, 0);
  limit.received(100_000);
  limit.look(true, 999);
  assert.equal(limit.bitsPerSecond, 4_000_000);
  limit.look(true, 2000);
  assert.equal(limit.bitsPerSecond, 300_000);
});

test('no limit stays none, and one below the least stays as it is', () => {
  for (const bitsPerSecond of [0, 50_000]) {
    const limit = new BitrateLimit(bitsPerSecond, 0);
    limit.look(true, 1000);
    limit.look(false, 2000);
    assert.equal(limit.bitsPerSecond, bitsPerSecond);
  }
});
