import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PeerTable } from '../../../src/admission/peer-table.js';
import { peerKey, TokenBucket } from '../../../src/admission/peers.js';

test('IPv6 peers count by /64, however they are written', () => {
  assert.equal(peerKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(peerKey('2001:db8:1:2::1'), '2001:db8:1:2::/64');
  assert.equal(peerKey('2001:DB8:1:2:ffff::'), '2001:db8:1:2::/64');
  assert.equal(peerKey('2001:db8::5'), '2001:db8:0:0::/64');
  assert.equal(peerKey('::1'), '0:0:0:0::/64');
  assert.equal(peerKey('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(peerKey('64:ff9b::192.0.2.1'), '64:ff9b:0:0::/64');
  assert.equal(peerKey('1::2:3:4:5:6:7'), '1:0:2:3::/64');
});

test('IPv4 counts by address, also when it is mapped into IPv6', () => {
  assert.equal(peerKey('192.0.2.1'), '192.0.2.1');
  assert.equal(peerKey('::ffff:192.0.2.1'), '192.0.2.1');
});

test('addresses of one /64 are one peer, and those of others are not', () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const four = fc.tuple(group, group, group, group);
  const text = (groups: readonly number[]) => groups.map((one) => one.toString(16)).join(':');
  fc.assert(
    fc.property(four, four, four, (network, one, other) => {
      const key = peerKey(text([...network, ...one]));
      assert.equal(peerKey(text([...network, ...other])), key);
      assert.equal(key === peerKey(text([...other, ...one])), text(network) === text(other));
    }),
  );
});

test('a bucket lets a burst pass and then one after the other', () => {
  const bucket = new TokenBucket(2, 3, 0);
  assert.deepEqual([bucket.take(0), bucket.take(0), bucket.take(0)], [0, 0, 0]);
  assert.equal(bucket.take(0), 500);
  assert.equal(bucket.take(400), 100);
  assert.equal(bucket.take(500), 0);
  assert.equal(bucket.take(500), 500);
  assert.ok(!bucket.full(1000));
  assert.ok(bucket.full(2500));
});

test('a bucket never gives more than its rate and burst', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 200 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      steps,
      (r, b, s) => {
        const bucket = new TokenBucket(r, b, 0);
        let now = 0;
        let taken = 0;
        for (const step of s) {
          now += step;
          if (bucket.take(now) === 0) taken++;
        }
        assert.ok(taken <= b + (now / 1000) * r + 1e-6);
      },
    ),
  );
});

test('the table forgets who is idle, and never grows over its bound', () => {
  const table = new PeerTable();
  for (let i = 0; i < 70_000; i++) {
    table
      .of(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0)
      .bucket('x', 1, 10, 0)
      .take(0);
  }
  assert.equal(table.size, 65_536);
  // A second later all buckets are full again: the next sweep leaves nothing of them.
  const fresh = new PeerTable();
  for (let i = 0; i < 1024; i++)
    fresh
      .of(`10.0.${i >> 8}.${i & 255}`, 0)
      .bucket('x', 1, 10, 0)
      .take(0);
  fresh.of('192.0.2.1', 1000);
  assert.equal(fresh.size, 1);
});

test('a busy peer is not dropped for another', () => {
  const table = new PeerTable();
  const busy = table.of('192.0.2.1', 0);
  busy.streams = 1;
  for (let i = 0; i < 70_000; i++) {
    table
      .of(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0)
      .bucket('x', 1, 10, 0)
      .take(0);
  }
  assert.equal(table.get('192.0.2.1'), busy);
});
