import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  kindOf,
  parseRtcp,
  parseRtp,
  type ReportBlock,
  writeBye,
  writeCname,
  writeFir,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../../src/protocols/rtp/index.js';
import { attempt, runs } from './support/runs.js';

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

const packet = fc.record({
  sources: fc.array(u32, { maxLength: 15 }),
  extension: fc.option(bytes(64).map((data) => data.subarray(0, data.length & ~3))),
  padding: fc.option(fc.integer({ min: 1, max: 255 })),
  payload: bytes(64),
  payloadType: fc.integer({ min: 0, max: 127 }),
  marker: fc.boolean(),
  sequence: u16,
  timestamp: u32,
  ssrc: u32,
});

type Packet = typeof packet extends fc.Arbitrary<infer T> ? T : never;

function written(one: Packet): Buffer {
  const { sources, extension, padding, payload } = one;
  const head = Buffer.alloc(12 + 4 * sources.length);
  head[0] = 0x80 | (padding ? 0x20 : 0) | (extension ? 0x10 : 0) | sources.length;
  head[1] = one.payloadType | (one.marker ? 0x80 : 0);
  head.writeUInt16BE(one.sequence, 2);
  head.writeUInt32BE(one.timestamp, 4);
  head.writeUInt32BE(one.ssrc, 8);
  for (const [index, source] of sources.entries()) head.writeUInt32BE(source, 12 + 4 * index);
  const parts = [head];
  if (extension) {
    const length = Buffer.from([0xbe, 0xde, 0, extension.length / 4]);
    parts.push(length, extension);
  }
  parts.push(payload);
  if (padding) parts.push(Buffer.alloc(padding, padding));
  return Buffer.concat(parts);
}

test('RTP: what was written is read, whatever stands around it', () => {
  fc.assert(
    fc.property(packet, (one) => {
      const datagram = written(one);
      const { payload, datagramBytes, ...fields } = parseRtp(datagram);
      const { payloadType, marker, sequence, timestamp, ssrc } = one;
      assert.deepEqual(fields, { payloadType, marker, sequence, timestamp, ssrc });
      assert.deepEqual(payload, one.payload);
      assert.equal(datagramBytes, datagram.length);
    }),
    runs(3000),
  );
});

test('RTP: any bytes are refused, or a payload within the datagram', () => {
  const damaged = fc
    .tuple(packet, fc.array(fc.tuple(fc.nat(100), u8), { maxLength: 4 }), fc.nat(200))
    .map(([one, changes, length]) => {
      const datagram = written(one).subarray(0, length);
      for (const [at, value] of changes) if (at < datagram.length) datagram[at] = value;
      return datagram;
    });
  fc.assert(
    fc.property(fc.oneof(bytes(80), damaged), (datagram) => {
      const read = attempt(['RTP_INVALID'], () => parseRtp(datagram));
      if (!read) return;
      assert.equal(kindOf(datagram) === 'rtp' || kindOf(datagram) === 'rtcp', true);
      const { payload } = read;
      assert.equal(payload.buffer, datagram.buffer);
      assert.ok(payload.byteOffset >= datagram.byteOffset + 12);
      assert.ok(payload.byteOffset + payload.length <= datagram.byteOffset + datagram.length);
    }),
    runs(5000),
  );
});

const block: fc.Arbitrary<ReportBlock> = fc.record(
  {
    ssrc: u32,
    fractionLost: u8,
    cumulativeLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
    highestSequence: u32,
    jitter: u32,
    lastReport: u32,
    delay: u32,
  },
  { noNullPrototype: true },
);
const info = fc.record({
  ntpMs: fc.integer({ min: 0, max: 2 ** 42 }),
  rtpTimestamp: u32,
  packets: u32,
  octets: u32,
});

/** Packets as we write them, each with what has to be read from it. */
const rtcp = fc.oneof(
  fc.tuple(u32, fc.array(block, { maxLength: 31 })).map(([ssrc, reports]) => ({
    bytes: writeReceiverReport(ssrc, reports),
    read: { type: 'receiver-report', ssrc, reports },
  })),
  fc.tuple(u32, info).map(([ssrc, { ntpMs, ...fields }]) => ({
    bytes: writeSenderReport(ssrc, { ntpMs, ...fields }),
    read: { type: 'sender-report', ssrc, ...fields, reports: [] },
    ntpMs,
  })),
  fc.tuple(u32, u32, fc.uniqueArray(u16, { minLength: 1 })).map(([ssrc, mediaSsrc, some]) => {
    const sequences = some.sort((a, b) => a - b);
    return {
      bytes: writeNack(ssrc, mediaSsrc, sequences),
      read: { type: 'nack', ssrc, mediaSsrc, sequences },
    };
  }),
  fc.tuple(u32, u32).map(([ssrc, mediaSsrc]) => ({
    bytes: writePli(ssrc, mediaSsrc),
    read: { type: 'pli', ssrc, mediaSsrc },
  })),
  fc.tuple(u32, u32, u8).map(([ssrc, media, sequence]) => ({
    bytes: writeFir(ssrc, media, sequence),
    read: { type: 'fir', ssrc, requests: [{ ssrc: media, sequence }] },
  })),
  fc
    .tuple(u32, fc.nat(0x3ffff), fc.nat(32), fc.array(u32, { maxLength: 255 }))
    .map(([ssrc, mantissa, exponent, ssrcs]) => {
      const bitsPerSecond = mantissa * 2 ** exponent;
      return {
        bytes: writeRemb(ssrc, bitsPerSecond, ssrcs),
        read: { type: 'remb', ssrc, bitsPerSecond, ssrcs },
      };
    }),
  fc.array(u32, { maxLength: 31 }).map((ssrcs) => ({
    bytes: writeBye(ssrcs),
    read: { type: 'bye', ssrcs },
  })),
  fc.tuple(u32, fc.string({ maxLength: 300 })).map(([ssrc, name]) => ({
    bytes: writeCname(ssrc, name),
    read: { type: 'other', packetType: 202 },
  })),
);

test('RTCP: compound packets are read as they were written', () => {
  fc.assert(
    fc.property(fc.array(rtcp, { minLength: 1, maxLength: 6 }), (some) => {
      const read = parseRtcp(Buffer.concat(some.map((one) => one.bytes)));
      assert.equal(read.length, some.length);
      for (const [index, one] of some.entries()) {
        const { ntpMs, ntpMiddle, ...rest } = { ntpMs: 0, ntpMiddle: 0, ...read[index] };
        assert.deepEqual(rest, one.read);
        if ('ntpMs' in one) {
          // Of the seconds the wire has 32 bits.
          assert.ok(Math.abs(ntpMs - (one.ntpMs % (2 ** 32 * 1000))) < 1);
          assert.equal(ntpMiddle >>> 16, Math.floor(one.ntpMs / 1000) & 0xffff);
        }
      }
    }),
    runs(1500),
  );
});

test('REMB: a rate that 18 bits do not hold is rounded down, by less than 1 in 2^17', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger().map(Math.abs), (bitsPerSecond) => {
      const [read] = parseRtcp(writeRemb(1, bitsPerSecond, []));
      assert.ok(read?.type === 'remb');
      assert.ok(read.bitsPerSecond <= bitsPerSecond);
      assert.ok(bitsPerSecond - read.bitsPerSecond <= bitsPerSecond / 2 ** 17);
    }),
    runs(2000),
  );
});

test('RTCP: any bytes are refused or read, and a part of a packet never', () => {
  const damaged = fc
    .tuple(
      fc.array(rtcp, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(200), u8), { maxLength: 4 }),
    )
    .map(([some, changes]) => {
      const datagram = Buffer.concat(some.map((one) => one.bytes));
      for (const [at, value] of changes) if (at < datagram.length) datagram[at] = value;
      return datagram;
    });
  fc.assert(
    fc.property(fc.oneof(bytes(80), damaged), fc.nat(), (datagram, cut) => {
      const read = attempt(['RTCP_INVALID'], () => parseRtcp(datagram));
      if (!read) return;
      // Lengths add up: from the last packet nothing can be taken.
      const length = cut % datagram.length;
      const less = attempt(['RTCP_INVALID'], () => parseRtcp(datagram.subarray(0, length)));
      assert.ok(!less || less.length < read.length);
    }),
    runs(5000),
  );
});
