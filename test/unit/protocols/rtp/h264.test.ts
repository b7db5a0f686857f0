import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H264Depacketiser, parseRtp } from '../../../../src/protocols/rtp/index.js';
import { annexB, fuA, nalUnit, PPS, rtpPacket, SPS, stapA } from '../../../support/rtp-packets.js';

const IDR = nalUnit(5, 40);
const P = nalUnit(1, 30);
const AUD = Buffer.from([9, 0x10]);
const SEI = nalUnit(6, 12);

/** Feeds packets in order; each call of `frame` is one frame, whose last packet has the marker. */
class Feed {
  readonly depacketiser: H264Depacketiser;
  #timestamp = 0;

  constructor(...parameterSets: Buffer[]) {
    this.depacketiser = new H264Depacketiser({ parameterSets });
  }

  packet(payload: Buffer, marker: boolean, timestamp = this.#timestamp) {
    const packet = parseRtp(rtpPacket(payload, { marker, timestamp }));
    return this.depacketiser.push(packet).map((frame) => {
      if (!('dropped' in frame)) return { key: frame.key, data: Buffer.concat([...frame.parts]) };
      return frame.error ? `${frame.dropped}: ${frame.error.code}` : frame.dropped;
    });
  }

  frame(...payloads: Buffer[]) {
    this.#timestamp += 3000;
    return payloads.flatMap((one, index) => this.packet(one, index === payloads.length - 1));
  }

  start(): this {
    assert.deepEqual(this.frame(stapA(SPS, PPS), IDR), [
      { key: true, data: annexB(SPS, PPS, IDR) },
    ]);
    return this;
  }
}

const whole = (key: boolean, ...nals: Buffer[]) => [{ key, data: annexB(...nals) }];

test('single NAL units, aggregations and fragments, as the figures of RFC 6184 have them', () => {
  const feed = new Feed();
  assert.equal(feed.depacketiser.needsKeyframe, true);
  assert.deepEqual(feed.frame(SPS, PPS, IDR), whole(true, SPS, PPS, IDR));
  assert.equal(feed.depacketiser.needsKeyframe, false);
  assert.deepEqual(feed.frame(P), whole(false, P));
  assert.deepEqual(feed.frame(stapA(SEI, P)), whole(false, SEI, P));
  assert.deepEqual(feed.frame(...fuA(P, 7)), whole(false, P));
  const literal = ['7c85b1', '7c05b2b3', '7c45b4'].map((text) => Buffer.from(text, 'hex'));
  const nal = Buffer.from('65b1b2b3b4', 'hex');
  assert.deepEqual(feed.frame(...literal), whole(true, SPS, PPS, nal));
});

test('every size of fragments makes the same NAL unit, sets and delimiter among them', () => {
  for (let size = 1; size < 40; size++) {
    const parts = (nal: Buffer) => (nal.length - 1 > size ? fuA(nal, size) : [nal]);
    const frame = new Feed().frame(...parts(AUD), ...parts(SPS), ...parts(PPS), ...parts(IDR));
    assert.deepEqual(frame, whole(true, AUD, SPS, PPS, IDR), `fragments of ${size}`);
  }
});

test('parameter sets are remembered, stand before each keyframe, and behind a delimiter', () => {
  const feed = new Feed().start();
  assert.deepEqual(feed.frame(IDR), whole(true, SPS, PPS, IDR));
  assert.deepEqual(feed.frame(AUD, SEI, IDR), whole(true, AUD, SPS, PPS, SEI, IDR));
  const other = Buffer.concat([PPS, Buffer.from([7])]);
  assert.deepEqual(feed.frame(stapA(other, P)), whole(false, SPS, other, P));
  assert.deepEqual(feed.frame(stapA(other, P)), whole(false, P), 'they are as they were');
  const second = Buffer.from('685e3c80', 'hex');
  assert.deepEqual(feed.frame(stapA(second, P)), whole(false, SPS, other, second, P), 'id 1');
});

test('parameter sets can come in the session description, or in a frame of their own', () => {
  const broken = Buffer.from('67', 'hex');
  assert.deepEqual(new Feed(SPS, broken, IDR, PPS).frame(IDR), whole(true, SPS, PPS, IDR));
  const feed = new Feed();
  assert.deepEqual(feed.frame(stapA(SPS, PPS)), []);
  assert.deepEqual(feed.packet(IDR, true), whole(true, SPS, PPS, IDR), 'the same time stamp');
});

test('nothing is passed on before a keyframe and its parameter sets', () => {
  const feed = new Feed();
  assert.deepEqual(feed.frame(P), ['undecodable']);
  assert.deepEqual(feed.frame(IDR), ['undecodable']);
  assert.deepEqual(feed.frame(SPS, IDR), ['undecodable']);
  assert.deepEqual(feed.frame(stapA(SPS, PPS), P), ['undecodable']);
  assert.equal(feed.depacketiser.needsKeyframe, true);
  assert.deepEqual(feed.frame(IDR), whole(true, SPS, PPS, IDR));
});

test('a change of the time stamp ends a frame without a marker; the end of the stream damages it', () => {
  const feed = new Feed().start();
  assert.deepEqual(feed.packet(P, false, 90_000), []);
  assert.deepEqual(feed.packet(P, false, 93_000), whole(false, P));
  assert.deepEqual(feed.depacketiser.finish(), [{ timestamp: 93_000, dropped: 'damaged' }]);
  assert.deepEqual(feed.depacketiser.finish(), []);
});

test('after a loss in a frame nothing is passed on until the next keyframe', () => {
  const feed = new Feed().start();
  feed.packet(fuA(P, 10)[0] as Buffer, false, 90_000);
  feed.depacketiser.lost();
  assert.deepEqual(feed.packet(fuA(P, 10)[2] as Buffer, true, 90_000), ['damaged']);
  assert.deepEqual(feed.frame(P), ['undecodable']);
  assert.deepEqual(feed.frame(stapA(SPS, PPS), IDR), whole(true, SPS, PPS, IDR));
  assert.deepEqual(feed.frame(P), whole(false, P));
});

test('the end of a frame is missing: it is damaged, the keyframe after it is whole', () => {
  const feed = new Feed().start();
  feed.packet(P, false, 90_000);
  feed.depacketiser.lost();
  assert.deepEqual(feed.packet(stapA(SPS, PPS), false, 93_000), ['damaged']);
  assert.deepEqual(feed.packet(IDR, true, 93_000), whole(true, SPS, PPS, IDR));
});

test('a keyframe after a loss counts only if nothing of it can be missing', () => {
  const later = Buffer.from(IDR);
  later[1] = 0x40;
  for (const [what, payload] of [
    ['a slice from the middle of the picture', stapA(SPS, PPS, later)],
    ['a keyframe without the sets that came along so far', IDR],
    ['the middle of a fragmented slice', fuA(IDR, 10)[1] as Buffer],
  ] as const) {
    const feed = new Feed().start();
    feed.depacketiser.lost();
    assert.match(String(feed.frame(payload)[0]), /^damaged/, what);
    assert.equal(feed.depacketiser.needsKeyframe, true);
    assert.deepEqual(feed.frame(IDR), whole(true, SPS, PPS, IDR), what);
  }
  const bare = new Feed(SPS, PPS);
  assert.deepEqual(bare.frame(IDR), whole(true, SPS, PPS, IDR));
  bare.depacketiser.lost();
  assert.deepEqual(bare.frame(IDR), whole(true, SPS, PPS, IDR), 'its sets never came along');
});

test('malformed payloads damage their frame and say why', () => {
  const [first, , last] = fuA(P, 10) as [Buffer, Buffer, Buffer];
  const broken: [string, Buffer[]][] = [
    ['the forbidden bit', [Buffer.from([0xe1, 0x80])]],
    ['type 0', [Buffer.from([0x60, 0x80])]],
    ['STAP-B', [Buffer.from([0x79, 0, 0, 0, 1, 0x61])]],
    ['FU-B', [Buffer.from([0x7d, 0x81, 0, 0, 1])]],
    ['an empty aggregation', [Buffer.from([0x78])]],
    ['an aggregation with a NAL unit of 0', [Buffer.from([0x78, 0, 0, 0, 1, 0x61])]],
    ['a length beyond the packet', [Buffer.from([0x78, 0, 9, 0x61])]],
    ['half a length', [Buffer.from([0x78, 0, 1, 0x61, 0])]],
    ['an aggregation in an aggregation', [stapA(stapA(P))]],
    ['a fragment without data', [Buffer.from([0x7c, 0x81])]],
    ['a fragment of fragments', [Buffer.from([0x7c, 0x9c, 1])]],
    ['a fragment that never began', [last]],
    ['a fragment that begins twice', [first, first]],
    ['a fragment that does not end', [first]],
    ['another unit between fragments', [first, P]],
    ['a parameter set without an id', [Buffer.from([0x67, 1, 2, 3])]],
    ['a parameter set with an id of 9 zeros', [Buffer.from([0x68, 0, 0x40, 0, 0])]],
    ['a parameter set of 5 KB', [Buffer.concat([SPS, Buffer.alloc(5000)])]],
    ['a sequence parameter set with id 32', [Buffer.from('6742c01f0420', 'hex')]],
  ];
  for (const [what, payloads] of broken) {
    const feed = new Feed().start();
    assert.deepEqual(feed.frame(...payloads, P), ['damaged: RTP_PAYLOAD_INVALID'], what);
    assert.deepEqual(feed.frame(P), ['undecodable'], what);
    assert.deepEqual(feed.frame(IDR), whole(true, SPS, PPS, IDR), what);
  }
});

test('a frame is bounded in bytes and in parts', () => {
  const small = new H264Depacketiser({ maxFrameBytes: 1000 });
  for (let index = 0; index < 9; index++) {
    small.push(parseRtp(rtpPacket(nalUnit(1, 100))));
  }
  const [dropped] = small.push(parseRtp(rtpPacket(P, { marker: true })));
  assert.ok(dropped && 'dropped' in dropped);
  assert.equal(dropped.error?.code, 'RTP_FRAME_TOO_LARGE');
  const many = new H264Depacketiser();
  const tiny = parseRtp(rtpPacket(stapA(...Array.from({ length: 400 }, () => nalUnit(1, 1)))));
  for (let index = 0; index < 100; index++) many.push(tiny);
  const [frame] = many.push(parseRtp(rtpPacket(P, { marker: true })));
  assert.ok(frame && 'dropped' in frame);
  assert.equal(frame.error?.code, 'RTP_FRAME_TOO_LARGE');
});

test('parameter sets have a limit together: a small keyframe does not become a long one', () => {
  const depacketiser = new H264Depacketiser();
  const sets = Array.from({ length: 64 }, (_, id) => {
    const set = Buffer.alloc(1024, 0x55);
    set[0] = 0x68;
    // ue(v) of 7 or more bits, with a one behind.
    const bits = (id + 1).toString(2);
    set.writeUInt16BE(
      Number.parseInt(`${bits.padStart(2 * bits.length - 1, '0')}1`.padEnd(16, '0'), 2),
      1,
    );
    return set;
  });
  let timestamp = 0;
  const push = (payload: Buffer) =>
    depacketiser.push(parseRtp(rtpPacket(payload, { marker: true, timestamp: timestamp++ })));
  push(SPS);
  const dropped = sets.filter((set) => push(set).some((frame) => 'dropped' in frame)).length;
  assert.ok(dropped > 0 && dropped < sets.length, `${dropped} were dropped`);
  const [frame] = push(nalUnit(5, 10));
  assert.ok(frame && 'parts' in frame);
  const bytes = Buffer.concat(frame.parts).length;
  assert.ok(bytes < 40_000, `${bytes} bytes`);
  // The same set again takes no room.
  assert.deepEqual(push(sets[0] as Buffer), []);
});
