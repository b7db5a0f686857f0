import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  JitterWindow,
  type JitterWindowOptions,
  parseRtp,
  ReceiverStatistics,
  SequenceTracker,
  Unwrapper,
} from '../../../../src/protocols/rtp/index.js';
import { rtpPacket } from '../../../support/rtp-packets.js';

const packet = (sequence: number, size = 10) =>
  parseRtp(rtpPacket(Buffer.alloc(size), { sequence }));

/** What comes out: sequence numbers, and `-n` for n packets that were given up. */
function pulled(window: JitterWindow, nowMs: number): number[] {
  const out: number[] = [];
  for (let next = window.pull(nowMs); next; next = window.pull(nowMs)) {
    out.push('count' in next ? -next.count : next.sequence);
  }
  return out;
}

function filled(sequences: readonly number[], options: JitterWindowOptions = {}, nowMs = 0) {
  const window = new JitterWindow(options);
  for (const sequence of sequences) window.push(sequence, packet(sequence), nowMs);
  return window;
}

test('values that wrap are counted on, forward and back', () => {
  const sequences = new Unwrapper(16);
  assert.deepEqual(
    [65_534, 65_535, 0, 65_535, 2].map((value) => sequences.unwrap(value)),
    [65_534, 65_535, 65_536, 65_535, 65_538],
  );
  const timestamps = new Unwrapper(32);
  assert.deepEqual(
    [5, 0xffff_fff0, 7, 0x7000_0000, 0xe000_0000, 0x1000_0000].map((value) =>
      timestamps.unwrap(value),
    ),
    [5, -16, 7, 0x7000_0000, 0xe000_0000, 0x1_1000_0000],
  );
});

test('a jump is believed when the next packet follows it, and then numbers go on above', () => {
  const tracker = new SequenceTracker();
  const place = (sequence: number, nowMs = 0) => tracker.place(sequence, nowMs);
  assert.deepEqual(place(65_535), { kind: 'next', extended: 65_535 });
  assert.deepEqual(place(1), { kind: 'next', extended: 65_537 });
  assert.deepEqual(place(0), { kind: 'late', extended: 65_536 });
  assert.equal(place(20_000).kind, 'suspect');
  assert.deepEqual(place(2), { kind: 'next', extended: 65_538 });
  assert.equal(place(20_001).kind, 'suspect', 'the packet after the suspect came in between');
  const { kind, extended } = place(20_002);
  assert.equal(kind, 'restart');
  assert.ok(extended > 65_538 && extended % 65_536 === 20_002);
});

test('retransmissions in a row are no restart, but a sender that begins again lower down is one', () => {
  const tracker = new SequenceTracker();
  tracker.place(9000, 0);
  for (const sequence of [4000, 4001, 4002]) {
    assert.equal(tracker.place(sequence, 1000).kind, 'late');
  }
  assert.equal(tracker.place(4003, 2001).kind, 'suspect');
  assert.equal(tracker.place(4004, 2002).kind, 'restart');
});

test('statistics of a stream that loses, repeats and delays, by the algorithms of RFC 3550', () => {
  const statistics = new ReceiverStatistics(8000);
  // 20 ms apart in both clocks, but the third one is 8 ms late, and two are missing.
  const arrivals = [
    [0, 0],
    [1, 20],
    [2, 48],
    [5, 100],
    [5, 100],
  ] as const;
  for (const [sequence, nowMs] of arrivals) {
    statistics.onPacket(65_534 + sequence, sequence * 160, nowMs);
  }
  assert.equal(statistics.lost, 1, 'the duplicate makes up for one of two');
  // |D| = 0, 64, 64, 0 in units of 1/8000 s; J += (|D| - J) / 16.
  const jitter = ((64 / 16) * 15) / 16 + 64 / 16;
  assert.ok(Math.abs(statistics.jitterMs - ((jitter * 15) / 16 / 8000) * 1000) < 1e-9);
  statistics.onSenderReport(0xabcd0123, 100);
  assert.deepEqual(statistics.report(7, 1100), {
    ...{ ssrc: 7, fractionLost: Math.floor(256 / 6), cumulativeLost: 1, highestSequence: 65_539 },
    ...{ jitter: Math.floor((jitter * 15) / 16), lastReport: 0xabcd0123, delay: 65_536 },
  });
  statistics.onPacket(65_540, 6 * 160, 1200);
  assert.equal(statistics.report(7, 1200).fractionLost, 0, 'counted from the last report');
});

test('packets come out in order, once', () => {
  const window = filled([3, 5, 4, 4, 6, 3]);
  assert.deepEqual(pulled(window, 0), [3, 4, 5, 6]);
  window.push(5, packet(5), 0);
  assert.deepEqual(pulled(window, 0), []);
  assert.deepEqual([window.duplicates, window.late], [2, 1]);
  assert.deepEqual([window.heldPackets, window.missingPackets], [0, 0]);
});

test('missing packets are asked for after a while, again less and less often, then given up', () => {
  const window = filled([0, 3], { reorderMs: 10, retryMs: 50, maxWaitMs: 500 });
  assert.deepEqual(pulled(window, 0), [0]);
  const asked: [number, number[]][] = [];
  for (let nowMs = 0; nowMs <= 600; nowMs += 10) {
    const sequences = window.takeNacks(nowMs, 10);
    if (sequences.length > 0) asked.push([nowMs, sequences]);
    const out = pulled(window, nowMs);
    if (nowMs < 500) assert.deepEqual(out, []);
    if (nowMs === 500) assert.deepEqual(out, [-2, 3]);
  }
  const times = [10, 60, 160, 310];
  assert.deepEqual(
    asked,
    times.map((time) => [time, [1, 2]]),
  );
  assert.equal(window.lost, 2);
  window.push(1, packet(1), 700);
  assert.equal(window.late, 1);
});

test('what was asked for is recovered, and tells how long a round trip takes', () => {
  const window = filled([0, 2], { retryMs: 200 });
  assert.deepEqual(window.takeNacks(10, 10), [1]);
  window.push(1, packet(1), 40);
  assert.deepEqual(pulled(window, 40), [0, 1, 2]);
  assert.equal(window.recovered, 1);
  window.push(4, packet(4), 100);
  assert.deepEqual(window.takeNacks(110, 10), [3]);
  assert.deepEqual(window.takeNacks(154, 10), [], '1.5 times 30 ms');
  assert.deepEqual(window.takeNacks(155, 10), [3]);
});

test('asking is limited; the rest is asked for next time', () => {
  const window = filled([0, 6]);
  assert.deepEqual(window.takeNacks(10, 3), [1, 2, 3]);
  assert.deepEqual(window.takeNacks(10, 3), [4, 5]);
});

test('the window is bounded in packets and in bytes', () => {
  const byPackets = filled([0, 2, 3, 4, 6], { maxPackets: 3 });
  assert.deepEqual(pulled(byPackets, 0), [0, -1, 2, 3, 4], '5 is still waited for');
  const byMissing = filled([0, 3000], { maxPackets: 100 });
  assert.deepEqual(pulled(byMissing, 0), [0, -2999, 3000]);
  const byBytes = new JitterWindow({ maxBytes: 3000 });
  for (const sequence of [0, 2, 3, 4]) byBytes.push(sequence, packet(sequence, 1000), 0);
  assert.deepEqual(pulled(byBytes, 0), [0, -1, 2, 3, 4]);
});

test('a gap is given up in parts when its packets were missed at different times', () => {
  const window = filled([0, 2], { maxWaitMs: 100 });
  window.push(4, packet(4), 50);
  assert.deepEqual(pulled(window, 99), [0]);
  assert.deepEqual(pulled(window, 100), [-1, 2]);
  assert.deepEqual(pulled(window, 149), []);
  assert.deepEqual(pulled(window, 150), [-1, 4]);
});

test('everything that is left comes out before a restart', () => {
  const window = filled([0, 2, 5]);
  assert.deepEqual(pulled(window, Number.POSITIVE_INFINITY), [0, -1, 2, -2, 5]);
  window.restart(70_000);
  window.push(70_000, packet(70_000 & 0xffff), 0);
  assert.deepEqual(pulled(window, 0), [70_000 & 0xffff]);
});

test('a gap that is longer than the window is never waited for, and costs nothing', () => {
  const window = filled([0, 2], { maxPackets: 100 });
  window.push(2000, packet(2000), 0);
  assert.equal(window.missingPackets, 1, 'the numbers of the long gap are not kept');
  window.push(1500, packet(1500), 0);
  assert.equal(window.late, 1, 'it belongs to what has been given up');
  assert.deepEqual(pulled(window, 0), [0, -1, 2, -1997, 2000]);
  assert.deepEqual([window.lost, window.missingPackets, window.heldPackets], [1998, 0, 0]);
  window.push(2002, packet(2002), 0);
  assert.deepEqual(pulled(window, 0), [], 'a short gap is waited for again');
});

test('nothing of a long gap is left behind by a restart', () => {
  const window = filled([0, 2000], { maxPackets: 100 });
  window.restart(70_000);
  for (const extended of [70_000, 70_002]) window.push(extended, packet(extended), 0);
  assert.deepEqual(pulled(window, 0), [70_000 & 0xffff]);
});
