import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Depacketiser,
  OpusDepacketiser,
  parseRtp,
  Vp8Depacketiser,
} from '../../../../src/protocols/rtp/index.js';
import { rtpPacket, vp8Frame, vp8Payloads } from '../../../support/rtp-packets.js';

const KEY = vp8Frame(true, 50, 1);
const INTER = vp8Frame(false, 33, 2);

function push(depacketiser: Depacketiser, payload: Uint8Array, marker = true, timestamp = 0) {
  const packet = parseRtp(rtpPacket(payload, { marker, timestamp }));
  return depacketiser.push(packet).map((frame) => {
    if ('dropped' in frame) {
      return frame.error ? `${frame.dropped}: ${frame.error.code}` : frame.dropped;
    }
    return Buffer.concat([...frame.parts]).toString('hex');
  });
}

function frame(depacketiser: Depacketiser, payloads: readonly Buffer[], timestamp = 0) {
  return payloads.flatMap((one, index) =>
    push(depacketiser, one, index === payloads.length - 1, timestamp),
  );
}

test('a keyframe says its size, and all sizes of packets make the same frame', () => {
  for (let mtu = 14; mtu < 60; mtu++) {
    const vp8 = new Vp8Depacketiser();
    const packets = vp8Payloads(KEY, 300, mtu).map((payload, index, all) =>
      parseRtp(rtpPacket(payload, { marker: index === all.length - 1, timestamp: 77 })),
    );
    const frames = packets.flatMap((packet) => vp8.push(packet));
    assert.equal(frames.length, 1);
    const [made] = frames;
    assert.ok(made && !('dropped' in made));
    const { parts, ...facts } = made;
    assert.deepEqual(facts, { timestamp: 77, key: true, width: 640, height: 360 });
    assert.deepEqual(Buffer.concat([...parts]), KEY);
    assert.deepEqual(frame(vp8, vp8Payloads(INTER, 301, mtu)), [INTER.toString('hex')]);
  }
});

test('each form of the descriptor of RFC 7741 is skipped', () => {
  const descriptors = [
    '10',
    '9000',
    '90807f',
    '9080ffff',
    '904055',
    '9020a0',
    '9010a0',
    '90f0 8001 55 a0',
  ];
  for (const descriptor of descriptors) {
    const vp8 = new Vp8Depacketiser();
    const head = Buffer.from(descriptor.replaceAll(' ', ''), 'hex');
    assert.deepEqual(push(vp8, Buffer.concat([head, KEY])), [KEY.toString('hex')], descriptor);
    for (let length = 1; length <= head.length; length++) {
      const cut = push(vp8, head.subarray(0, length));
      assert.deepEqual(cut, ['damaged: RTP_PAYLOAD_INVALID'], `${descriptor}, ${length} bytes`);
    }
  }
});

test('a further partition does not begin a frame', () => {
  const vp8 = new Vp8Depacketiser();
  const first = Buffer.concat([Buffer.from([0x10]), KEY]);
  const second = Buffer.from([0x11, 0xaa]);
  assert.deepEqual(frame(vp8, [first, second]), [`${KEY.toString('hex')}aa`]);
});

test('after a loss the next keyframe counts if its first packet is there', () => {
  const vp8 = new Vp8Depacketiser();
  assert.deepEqual(frame(vp8, vp8Payloads(INTER, 1, 20)), ['undecodable']);
  frame(vp8, vp8Payloads(KEY, 2, 20));
  vp8.lost();
  assert.deepEqual(frame(vp8, vp8Payloads(INTER, 4, 20)), ['undecodable']);
  assert.deepEqual(frame(vp8, vp8Payloads(KEY, 5, 20)), [KEY.toString('hex')]);
  vp8.lost();
  assert.deepEqual(frame(vp8, vp8Payloads(KEY, 6, 20).slice(1)), ['damaged']);
  assert.deepEqual(frame(vp8, vp8Payloads(INTER, 7, 20)), ['undecodable']);
  assert.deepEqual(frame(vp8, vp8Payloads(KEY, 8, 20)), [KEY.toString('hex')]);
  const [begin, ...rest] = vp8Payloads(INTER, 9, 20);
  push(vp8, begin as Buffer, false, 9);
  vp8.lost();
  assert.deepEqual(frame(vp8, rest, 9), ['damaged']);
});

test('pieces out of place and keyframes that are none are malformed', () => {
  const [first, second] = vp8Payloads(KEY, 1, 30) as [Buffer, Buffer];
  const notKey = Buffer.from(KEY);
  notKey[3] = 0;
  const broken: [string, Buffer[]][] = [
    ['no first packet, and nothing was lost', [second]],
    ['a first packet in the middle', [first, first]],
    ['a keyframe without its start code', vp8Payloads(notKey, 1, 100)],
    ['a keyframe of 5 bytes', vp8Payloads(KEY.subarray(0, 5), 1, 100)],
    // With junk before it the frame must not pass for whole.
    ['a first packet behind another one after a loss', [second, first]],
  ];
  for (const [what, payloads] of broken) {
    const vp8 = new Vp8Depacketiser();
    if (what.endsWith('loss')) vp8.lost();
    assert.deepEqual(frame(vp8, payloads), ['damaged: RTP_PAYLOAD_INVALID'], what);
  }
});

test('Opus: one packet is one frame, and packets of padding are none', () => {
  const opus = new OpusDepacketiser();
  assert.deepEqual(push(opus, Buffer.from('78aabb', 'hex'), true), ['78aabb']);
  opus.lost();
  assert.deepEqual(push(opus, Buffer.from('78', 'hex'), false), ['78']);
  assert.deepEqual(push(opus, Buffer.alloc(0)), []);
  assert.equal(opus.needsKeyframe, false);
});
