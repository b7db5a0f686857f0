import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AccessUnitDecoder, type DecodedUnit } from '../../src/protocols/access-unit/index.js';
import {
  parseRtcp,
  RtpReceiver,
  type TrackOptions,
  writeBye,
  writeSenderReport,
} from '../../src/protocols/rtp/index.js';
import { FrameSender, random, type SenderFormat } from '../support/lossy-network.js';
import { fuA, nalUnit, PPS, rtpPacket, SPS, stapA } from '../support/rtp-packets.js';
import { runs } from './support/runs.js';

const TRACKS: readonly TrackOptions[] = [
  {
    codec: 'h264',
    payloadType: 96,
    clockRate: 90_000,
    nack: true,
    keyframeRequest: 'pli',
    remb: true,
  },
  { codec: 'vp8', payloadType: 97, clockRate: 90_000, keyframeRequest: 'fir' },
  { codec: 'opus', payloadType: 111, clockRate: 48_000, nack: true },
];
const TYPES = [0x1b, 0x9d, 0x9c];
const MAX_FRAME_BYTES = 2000;
/** What a receiver sends is one datagram on every network. */
const MTU = 1200;

const junk = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
const payload = fc.oneof(
  junk,
  fc.constantFrom(
    ...[stapA(SPS, PPS), stapA(SPS, PPS, nalUnit(5, 30)), nalUnit(5, 40), nalUnit(1, 30), SPS, PPS],
    ...fuA(nalUnit(5, 90), 40),
    ...[Buffer.from('9080e500100200009d012a8002680100', 'hex'), Buffer.from('908005110203', 'hex')],
  ),
);
/** RTP with numbers that jump, wrap, collide; of sources and types that are known or not. */
const rtp = fc
  .record({
    payload,
    payloadType: fc.constantFrom(96, 96, 97, 111, 111, 0, 63, 127),
    ssrc: fc.constantFrom(1, 1, 1, 2, 3, 0xffff_ffff),
    sequence: fc.oneof(fc.nat(30), fc.constantFrom(0xffff, 0x8000, 0x7fff), fc.nat(0xffff)),
    timestamp: fc.oneof(fc.nat(5), fc.constantFrom(0xffff_ffff, 0x8000_0000), fc.nat(0xffff_ffff)),
    marker: fc.boolean(),
  })
  .map(({ payload: bytes, ...fields }) => rtpPacket(bytes, fields));
const ssrc = fc.constantFrom(1, 2, 3, 9);
const u32 = fc.nat(0xffff_ffff);
const rtcp = fc.oneof(
  fc
    .tuple(ssrc, fc.nat(2 ** 41), u32)
    .map(([one, ntpMs, rtpTimestamp]) =>
      writeSenderReport(one, { ntpMs, rtpTimestamp, packets: 1, octets: 1 }),
    ),
  fc.array(ssrc, { maxLength: 4 }).map((some) => writeBye(some)),
  fc.tuple(fc.integer({ min: 192, max: 223 }), junk).map(([type, bytes]) => {
    const body = bytes.subarray(0, bytes.length & ~3);
    return Buffer.concat([Buffer.from([0x81, type, 0, body.length / 4]), body]);
  }),
);
const event = fc.tuple(
  fc.oneof(
    { weight: 8, arbitrary: rtp },
    { weight: 2, arbitrary: rtcp },
    { weight: 1, arbitrary: junk },
  ),
  fc.oneof({ weight: 9, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.nat(5000) }),
);

const never = ['packets', 'bytes', 'duplicatePackets', 'latePackets', 'recoveredPackets'] as const;

test('a hostile sender: units are whole, counted from 0, and of what was sent; counts only grow', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 150 }), (events) => {
      const tracks = TRACKS.map((track) => ({ ...track, maxFrameBytes: MAX_FRAME_BYTES }));
      const receiver = new RtpReceiver({ tracks, ssrc: 99, cname: 'receiver' });
      receiver.maxBitsPerSecond = 5e6;
      const decoder = new AccessUnitDecoder();
      const units: DecodedUnit[] = [];
      const take = (some: readonly Buffer[]) => {
        for (const unit of some) {
          const decoded = decoder.push(unit);
          assert.equal(decoded.length, 1, 'one unit at a time');
          units.push(...decoded);
        }
      };
      let nowMs = 0;
      let sent = 0;
      let before = receiver.stats();
      for (const [datagram, afterMs] of events) {
        nowMs += afterMs;
        sent += datagram.length;
        take(receiver.poll(nowMs));
        take(receiver.push(datagram, nowMs));
        const feedback = receiver.feedback(nowMs);
        if (feedback) {
          assert.ok(feedback.length <= MTU, `${feedback.length} bytes of feedback`);
          const [report, name] = parseRtcp(feedback);
          assert.equal(report?.type, 'receiver-report');
          assert.equal(name?.type, 'other');
        }
        const after = receiver.stats();
        for (const [index, track] of after.entries()) {
          for (const key of never) {
            assert.ok(track[key] >= (before[index] as typeof track)[key], `${key} went back`);
          }
        }
        before = after;
      }
      take(receiver.finish(nowMs));
      decoder.finish();
      let bytes = 0;
      for (const [index, { id, dts, pts, streamType, data }] of units.entries()) {
        assert.equal(id, index);
        assert.equal(dts, pts);
        assert.ok(Number.isSafeInteger(dts));
        assert.ok(TYPES.includes(streamType));
        assert.ok(data.length > 0 && data.length <= MAX_FRAME_BYTES * 3 + 32 * 1024);
        bytes += data.length;
      }
      // Sets and start codes come on top of what was sent.
      assert.ok(bytes <= 4 * sent + units.length * 2000);
    }),
    runs(1200),
  );
});

const FORMATS: readonly SenderFormat[] = [
  { codec: 'h264', payloadType: 96, ssrc: 1, clockRate: 90_000, intervalMs: 40 },
  { codec: 'vp8', payloadType: 97, ssrc: 2, clockRate: 90_000, intervalMs: 40 },
  { codec: 'opus', payloadType: 111, ssrc: 3, clockRate: 48_000, intervalMs: 20 },
];

/** The units of datagrams that come `order`ed, one track's. */
function unitsOf(datagrams: readonly Buffer[]): string[] {
  const receiver = new RtpReceiver({ tracks: TRACKS, ssrc: 99, cname: 'receiver' });
  const decoder = new AccessUnitDecoder();
  const units = datagrams.flatMap((datagram) => receiver.push(datagram, 0));
  units.push(...receiver.finish(0));
  return units.flatMap((unit) =>
    decoder
      .push(unit)
      .map(({ id, dts, key, data }) => `${id} ${dts} ${key} ${Buffer.from(data).toString('hex')}`),
  );
}

test('packets in another order, and twice, make the same units', () => {
  const moves = fc.array(fc.tuple(fc.nat(), fc.nat(60), fc.boolean()), { maxLength: 80 });
  fc.assert(
    fc.property(fc.constantFrom(...FORMATS), fc.nat(), moves, (format, seed, some) => {
      const sender = new FrameSender(format, random(seed));
      const datagrams = sender.due(400);
      const moved = [...datagrams];
      for (const [at, by, isTwice] of some) {
        // The first one says where the stream begins.
        const from = 1 + (at % (moved.length - 1));
        const [one] = moved.splice(from, isTwice ? 0 : 1) as [Buffer];
        moved.splice(Math.min(moved.length, from + by), 0, one ?? (moved[from] as Buffer));
      }
      assert.deepEqual(unitsOf(moved), unitsOf(datagrams));
      assert.equal(unitsOf(datagrams).length, sender.frames.length);
    }),
    runs(150),
  );
});

test('the times of a sender whose clock runs forward do not go back, with whatever reports', () => {
  const report = fc.option(fc.tuple(fc.nat(2 ** 41), u32), { freq: 3 });
  const frames = fc.array(fc.tuple(fc.integer({ min: 1, max: 90_000 }), fc.nat(500), report), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(u32, frames, (first, some) => {
      const receiver = new RtpReceiver({ tracks: TRACKS, ssrc: 99, cname: 'receiver' });
      const last = new Map<number, number>();
      let timestamp = first;
      let nowMs = 0;
      for (const [index, [by, afterMs, sr]] of some.entries()) {
        timestamp = (timestamp + by) >>> 0;
        nowMs += afterMs;
        for (const [payloadType, source, bytes] of [
          [96, 1, stapA(SPS, PPS, nalUnit(5, 9))],
          [111, 3, Buffer.from('78aa', 'hex')],
        ] as const) {
          const fields = { payloadType, ssrc: source, sequence: index, timestamp, marker: true };
          for (const unit of receiver.push(rtpPacket(bytes, fields), nowMs)) {
            const [{ streamType, dts }] = new AccessUnitDecoder().push(unit) as [DecodedUnit];
            assert.ok(dts >= (last.get(streamType) ?? 0), `${dts} after ${last.get(streamType)}`);
            last.set(streamType, dts);
          }
        }
        if (!sr) continue;
        const [ntpMs, rtpTimestamp] = sr;
        receiver.push(
          writeSenderReport(index % 2 === 0 ? 1 : 3, {
            ntpMs,
            rtpTimestamp,
            packets: 1,
            octets: 1,
          }),
          nowMs,
        );
      }
      assert.equal(last.size, 2);
    }),
    runs(1000),
  );
});
