import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Depacketiser,
  type DroppedFrame,
  type Frame,
  H264Depacketiser,
  parseRtp,
  Vp8Depacketiser,
} from '../../src/protocols/rtp/index.js';
import {
  fuA,
  nalUnit,
  PPS,
  rtpPacket,
  SPS,
  stapA,
  vp8Frame,
  vp8Payloads,
} from '../support/rtp-packets.js';
import { runs } from './support/runs.js';

const MAX_FRAME_BYTES = 4000;
const START_CODE = Buffer.from([0, 0, 0, 1]);

/** A frame as it is sent: what of it counts, and its packets' payloads. */
interface Sent {
  readonly key: boolean;
  readonly payloads: readonly Buffer[];
  /** What of the frame that comes out has to be. */
  readonly data: Buffer;
}

const sizes = fc.array(fc.integer({ min: 2, max: 400 }), { minLength: 1, maxLength: 4 });
const mtus = fc.integer({ min: 16, max: 200 });

/** H.264 of several slices, each alone, in fragments, or several together; sets and a delimiter before. */
const h264Frame = fc
  .record({
    key: fc.boolean(),
    sizes,
    mtu: mtus,
    delimiter: fc.boolean(),
    message: fc.boolean(),
    setsApart: fc.boolean(),
  })
  .map(({ key, sizes: some, mtu, delimiter, message, setsApart }): Sent => {
    const slices = some.map((size, index) => {
      const nal = nalUnit(key ? 5 : 1, size, 0x30 + index);
      if (index > 0) nal[1] = 0x10;
      return nal;
    });
    const before = [
      ...(delimiter ? [nalUnit(9, 2)] : []),
      ...(key ? [SPS, PPS] : []),
      ...(message ? [nalUnit(6, 10)] : []),
    ];
    const aside = before.length === 0 ? [] : setsApart ? before : [stapA(...before)];
    const small = slices.every(({ length }) => length < mtu);
    const pieces = (nal: Buffer) => (nal.length <= mtu ? [nal] : fuA(nal, mtu));
    const payloads = small ? [stapA(...slices)] : slices.flatMap(pieces);
    return { key, payloads: [...aside, ...payloads], data: Buffer.concat(slices) };
  });

const vp8 = fc
  .record({
    key: fc.boolean(),
    size: fc.integer({ min: 20, max: 1500 }),
    mtu: mtus,
    fill: fc.nat(255),
  })
  .map(({ key, size, mtu, fill }): Sent => {
    const data = vp8Frame(key, size, fill);
    return { key, payloads: vp8Payloads(data, fill, mtu), data };
  });

/** The slices of an Annex B frame, one after the other. */
function slicesOf(frame: Buffer): Buffer {
  const slices: Buffer[] = [];
  for (let at = 0; at < frame.length; ) {
    assert.deepEqual(frame.subarray(at, at + 4), START_CODE);
    const next = frame.indexOf(START_CODE, at + 4);
    const nal = frame.subarray(at + 4, next < 0 ? frame.length : next);
    const type = (nal[0] as number) & 31;
    if (type <= 5) slices.push(nal);
    at = next < 0 ? frame.length : next;
  }
  return Buffer.concat(slices);
}

const FORMATS = [
  {
    name: 'H.264',
    frames: h264Frame,
    make: (): Depacketiser => new H264Depacketiser({ maxFrameBytes: MAX_FRAME_BYTES }),
    dataOf: slicesOf,
  },
  {
    name: 'VP8',
    frames: vp8,
    make: (): Depacketiser => new Vp8Depacketiser({ maxFrameBytes: MAX_FRAME_BYTES }),
    dataOf: (frame: Buffer) => frame,
  },
];

/** `lost`: of each packet in turn, whether it is lost. */
function received(depacketiser: Depacketiser, sent: readonly Sent[], lost: readonly boolean[]) {
  const out: (Frame | DroppedFrame)[] = [];
  let count = 0;
  for (const [index, { payloads }] of sent.entries()) {
    for (const [at, payload] of payloads.entries()) {
      const isLost = lost.length > 0 && lost[count % lost.length] === true;
      count++;
      if (isLost) {
        depacketiser.lost();
        continue;
      }
      const marker = at === payloads.length - 1;
      const fields = { timestamp: index * 3000, sequence: count, marker };
      out.push(...depacketiser.push(parseRtp(rtpPacket(payload, fields))));
    }
  }
  out.push(...depacketiser.finish());
  return out;
}

for (const { name, frames, make, dataOf } of FORMATS) {
  const sequence = fc.array(frames, { minLength: 1, maxLength: 12 });

  test(`${name}: without loss each frame from the first keyframe on comes out whole`, () => {
    fc.assert(
      fc.property(sequence, (sent) => {
        const out = received(make(), sent, []);
        assert.equal(out.length, sent.length);
        const begin = sent.findIndex(({ key }) => key);
        for (const [index, frame] of out.entries()) {
          const { key, data } = sent[index] as Sent;
          if (begin < 0 || index < begin) {
            assert.ok('dropped' in frame && frame.dropped === 'undecodable');
            continue;
          }
          assert.ok(!('dropped' in frame));
          assert.equal(frame.key, key);
          assert.deepEqual(dataOf(Buffer.concat(frame.parts)), data);
        }
      }),
      runs(400),
    );
  });

  test(`${name}: with losses no part of a frame comes out, and none whose reference is missing`, () => {
    const lost = fc.array(
      fc.integer({ min: 0, max: 5 }).map((one) => one === 0),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(sequence, lost, (sent, losses) => {
        const out = received(make(), sent, losses);
        let last = -1;
        for (const frame of out) {
          const index = frame.timestamp / 3000;
          if ('dropped' in frame) continue;
          const { key, data } = sent[index] as Sent;
          assert.ok(index > last, 'out of order');
          assert.equal(frame.key, key);
          assert.ok(key || index === last + 1, 'a frame before it is missing');
          assert.deepEqual(dataOf(Buffer.concat(frame.parts)), data);
          last = index;
        }
      }),
      runs(1500),
    );
  });
}

const piece = fc.uint8Array({ minLength: 0, maxLength: 30 }).map((array) => Buffer.from(array));
/** Beginnings that lead into each branch, then anything. */
const beginning = fc.constantFrom(
  ...[
    '',
    '65',
    '41',
    '67',
    '68',
    '09',
    '78',
    '7c85',
    '7c05',
    '7c45',
    '7cc5',
    '7c87',
    '7c47',
    '7c1c',
  ],
  ...[
    '780002',
    '7800036742c0',
    '7800026544',
    '10',
    '90',
    '9080',
    '90808001',
    '00',
    '80',
    '1010029d012a',
  ],
  ...['6742c01fda014016e8', '68ce3c80', '1d', '7d', '00ff', '1000', 'f0f0'],
);
const anything = fc.record({
  payload: fc
    .tuple(beginning, piece)
    .map(([begin, rest]) => Buffer.concat([Buffer.from(begin, 'hex'), rest])),
  timestamp: fc.integer({ min: 0, max: 3 }),
  marker: fc.boolean(),
  lost: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
});

for (const { name, make } of FORMATS) {
  test(`${name}: of any payloads nothing comes out that was not sent`, () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 40 }), (packets) => {
        const depacketiser = make();
        const datagrams: Buffer[] = [];
        const out: (Frame | DroppedFrame)[] = [];
        for (const { payload, lost, ...fields } of packets) {
          if (lost) depacketiser.lost();
          const datagram = rtpPacket(payload, fields);
          datagrams.push(datagram);
          out.push(...depacketiser.push(parseRtp(datagram)));
        }
        out.push(...depacketiser.finish());
        const own = new Set(datagrams.map(({ buffer }) => buffer));
        for (const frame of out) {
          if ('dropped' in frame) continue;
          assert.ok(frame.parts.length > 0);
          for (const part of frame.parts) {
            // A view of a datagram, a start code, the head of what was fragmented, or a parameter set.
            const isCopy = part.length <= 4 || datagrams.some((one) => one.includes(part));
            const isSet = [7, 8].includes((part[0] as number) & 31);
            assert.ok(own.has(part.buffer) || isCopy || isSet, part.toString('hex'));
          }
        }
      }),
      runs(1500),
    );
  });
}

test('a frame larger than the limit is dropped, however small its packets', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 300 }),
      fc.integer({ min: 1, max: 9 }),
      (size, times) => {
        const depacketiser = new Vp8Depacketiser({ maxFrameBytes: MAX_FRAME_BYTES });
        const data = vp8Frame(true, Math.min(3900, size * times * 10) + 20, 1);
        const payloads = vp8Payloads(data, 1, size + 4);
        const bytes = payloads.reduce((sum, one) => sum + one.length + 12, 0);
        const out = received(depacketiser, [{ key: true, payloads, data }], []);
        assert.equal(out.length, 1);
        assert.equal('dropped' in (out[0] as object), bytes > MAX_FRAME_BYTES);
      },
    ),
    runs(200),
  );
});
