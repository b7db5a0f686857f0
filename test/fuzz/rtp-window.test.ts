import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  JitterWindow,
  parseRtp,
  type RtpPacket,
  SequenceTracker,
  Unwrapper,
} from '../../src/protocols/rtp/index.js';
import { rtpPacket } from '../support/rtp-packets.js';
import { runs } from './support/runs.js';

/** From one packet to the next: in order, a little off, far away, or anywhere. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant(1) },
  { weight: 4, arbitrary: fc.integer({ min: -40, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: -3100, max: 3100 }) },
  { weight: 1, arbitrary: fc.integer({ min: -65_536, max: 65_536 }) },
);
const pause = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 30 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 3000 }) },
);
const arrivals = fc.array(fc.tuple(step, pause), { minLength: 1, maxLength: 300 });
const sequence16 = fc.integer({ min: 0, max: 0xffff });

test('sequence numbers: the newest grows without end, whatever comes', () => {
  fc.assert(
    fc.property(sequence16, arrivals, (first, steps) => {
      const tracker = new SequenceTracker();
      let highest = tracker.place(first, 0).extended;
      let sequence = first;
      let nowMs = 0;
      for (const [by, afterMs] of steps) {
        sequence = (sequence + by) & 0xffff;
        nowMs += afterMs;
        const { kind, extended } = tracker.place(sequence, nowMs);
        assert.equal(extended & 0xffff, sequence);
        if (kind === 'late') assert.ok(extended <= highest && extended > highest - 8192);
        if (kind !== 'next' && kind !== 'restart') continue;
        assert.ok(extended > highest);
        highest = extended;
      }
    }),
    runs(1500),
  );
});

test('numbers that wrap: steps of less than half the circle are followed exactly', () => {
  const some = fc.array(fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }), { maxLength: 50 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), some, (first, steps) => {
      const wide = new Unwrapper(32);
      const narrow = new Unwrapper(16);
      let at = wide.unwrap(first);
      let small = narrow.unwrap(first & 0xffff);
      for (const by of steps) {
        at += by;
        assert.equal(wide.unwrap(at >>> 0), at);
        const little = by % 32_768;
        small += little;
        assert.equal(narrow.unwrap(small & 0xffff), small);
      }
    }),
    runs(1000),
  );
});

const limits = fc.record({
  maxPackets: fc.integer({ min: 1, max: 64 }),
  maxBytes: fc.integer({ min: 50, max: 4000 }),
  maxWaitMs: fc.integer({ min: 0, max: 200 }),
  reorderMs: fc.integer({ min: 0, max: 20 }),
});

/** Takes what can be taken; checks that nothing is left out, twice, or in another order. */
class Reader {
  next: number | undefined;
  delivered = 0;
  givenUp = 0;

  constructor(
    readonly window: JitterWindow,
    readonly sent: ReadonlyMap<number, RtpPacket>,
  ) {}

  drain(nowMs: number): void {
    for (let one = this.window.pull(nowMs); one; one = this.window.pull(nowMs)) {
      const next = this.next as number;
      if ('count' in one) {
        assert.equal(one.from, next);
        assert.ok(one.count > 0);
        this.next = next + one.count;
        this.givenUp += one.count;
      } else {
        assert.equal(one, this.sent.get(next), 'another packet than the one that was sent');
        this.next = next + 1;
        this.delivered++;
      }
    }
  }
}

test('the window gives everything once and in order, and holds no more than it may', () => {
  fc.assert(
    fc.property(sequence16, arrivals, limits, (first, steps, options) => {
      const window = new JitterWindow(options);
      const tracker = new SequenceTracker();
      const sent = new Map<number, RtpPacket>();
      const reader = new Reader(window, sent);
      const missedAt = new Map<number, number>();
      let sequence = first;
      let nowMs = 0;
      let highest = -1;
      let pushed = 0;
      for (const [by, afterMs] of steps) {
        sequence = (sequence + by) & 0xffff;
        nowMs += afterMs;
        const { kind, extended } = tracker.place(sequence, nowMs);
        if (kind === 'suspect') continue;
        if (kind === 'restart') {
          reader.drain(Number.POSITIVE_INFINITY);
          assert.equal(reader.next, highest + 1, 'nothing is left before a restart');
          window.restart(extended);
          reader.next = extended;
        }
        reader.next ??= extended;
        const size = Math.abs(extended) % 97;
        const packet = parseRtp(rtpPacket(Buffer.alloc(size), { sequence }));
        if (!sent.has(extended)) sent.set(extended, packet);
        if (kind !== 'late') {
          for (let one = Math.max(highest + 1, reader.next); one < extended; one++) {
            missedAt.set(one, nowMs);
          }
          highest = extended;
        }
        window.push(extended, packet, nowMs);
        pushed++;
        reader.drain(nowMs);
        assert.ok(window.heldPackets <= options.maxPackets);
        assert.ok(window.missingPackets <= options.maxPackets);
        const asked = window.takeNacks(nowMs, 20);
        assert.ok(asked.length <= 20);
        for (const [index, one] of asked.entries()) {
          assert.ok(index === 0 || one > (asked[index - 1] as number), 'not ascending');
          assert.ok(!sent.has(one), 'asked for what is there');
          assert.ok(one >= (reader.next as number) && one < highest);
          assert.ok(nowMs - (missedAt.get(one) as number) >= options.reorderMs, 'asked too soon');
        }
      }
      reader.drain(Number.POSITIVE_INFINITY);
      assert.equal(reader.next, highest + 1);
      assert.deepEqual([window.heldPackets, window.missingPackets], [0, 0]);
      assert.equal(window.lost, reader.givenUp);
      assert.equal(reader.delivered + window.late + window.duplicates, pushed);
    }),
    runs(1500),
  );
});
