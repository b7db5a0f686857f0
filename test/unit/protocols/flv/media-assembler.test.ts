import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  MediaAssembler,
  parseAudioConfig,
  parseAvcConfig,
  parseHevcConfig,
} from '../../../../src/protocols/flv/index.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (bytes: Buffer | undefined) => bytes?.toString('hex');

const AVC = '01 4d401f ff e1 0004 67aabbcc 02 0002 68dd 0002 68ee';
const AVC_SETS = '00000001 67aabbcc 00000001 68dd 00000001 68ee'.replaceAll(' ', '');
const HEVC = `01 ${'00'.repeat(20)} ff 03 20 0001 0002 4001 21 0001 0002 4201 22 0001 0002 4401`;
const HEVC_SETS = '00000001 4001 00000001 4201 00000001 4401'.replaceAll(' ', '');

/** The record's fields, and the data. */
function fields(unit: Buffer | undefined) {
  assert.ok(unit);
  assert.equal(unit.readUInt32BE(26), unit.length - 30);
  return {
    type: unit[0],
    key: unit[1],
    id: Number(unit.readBigUInt64BE(2)),
    dts: Number(unit.readBigInt64BE(10)),
    pts: Number(unit.readBigInt64BE(18)),
    data: unit.subarray(30).toString('hex'),
  };
}

test('avcC: every set, and the length of lengths', () => {
  const { lengthBytes, sets } = parseAvcConfig(hex(AVC));
  assert.equal(lengthBytes, 4);
  assert.equal(text(sets), AVC_SETS);
});

test('hvcC', () => {
  const { lengthBytes, sets } = parseHevcConfig(hex(HEVC));
  assert.equal(lengthBytes, 4);
  assert.equal(text(sets), HEVC_SETS);
});

test('records that are cut short or say what cannot be', () => {
  const invalid = { code: 'MEDIA_INVALID' };
  for (let length = 0; length < hex(AVC).length; length++) {
    assert.throws(() => parseAvcConfig(hex(AVC).subarray(0, length)), invalid);
  }
  for (let length = 0; length < hex(HEVC).length; length++) {
    assert.throws(() => parseHevcConfig(hex(HEVC).subarray(0, length)), invalid);
  }
  assert.throws(() => parseAvcConfig(hex('00 4d401f ff e1 0001 67 00')), invalid);
  assert.throws(() => parseAvcConfig(hex('01 4d401f fe e1 0001 67 00')), invalid);
  assert.throws(() => parseAvcConfig(hex('01 4d401f ff e0 00')), invalid);
  assert.throws(() => parseAudioConfig(hex('12')), invalid);
});

test('AudioSpecificConfig: AAC-LC, HE-AAC, a rate in full, what ADTS cannot say', () => {
  const lc = { objectType: 2, rateIndex: 4, channels: 2 };
  assert.deepEqual(parseAudioConfig(hex('1210')), lc);
  assert.deepEqual(parseAudioConfig(hex('1210 56e500')), lc);
  // SBR at 44.1 kHz over a core at 22.05 kHz: 00101 0111 0010 0100 00010.
  const core = { objectType: 2, rateIndex: 7, channels: 2 };
  assert.deepEqual(parseAudioConfig(hex('2b920800')), core);
  // 00010 1111 (48000 in 24 bits) 0001
  assert.deepEqual(parseAudioConfig(hex('17805dc008')), {
    objectType: 2,
    rateIndex: 3,
    channels: 1,
  });
  const unsupported = { code: 'MEDIA_UNSUPPORTED' };
  assert.throws(() => parseAudioConfig(hex('1200')), unsupported, 'no channel configuration');
  assert.throws(() => parseAudioConfig(hex('f8')), { code: 'MEDIA_INVALID' });
  assert.throws(() => parseAudioConfig(hex('1690')), unsupported, 'rate index 13');
});

test('H.264: sets before keyframes, after the delimiter, and where they change', () => {
  const media = new MediaAssembler();
  assert.equal(media.video(0, hex('17 01 000000 00000001 65')), undefined);
  assert.equal(media.droppedFrames, 1);
  assert.equal(media.video(0, hex(`17 00 000000 ${AVC}`)), undefined);
  const key = media.video(1000, hex('17 01 000028 00000002 0910 00000000 00000001 65'));
  assert.deepEqual(fields(key), {
    type: 0x1b,
    key: 1,
    id: 0,
    dts: 1000,
    pts: 1040,
    data: `000000010910${AVC_SETS}0000000165`,
  });
  const late = fields(media.video(1040, hex('27 01 ffffd8 00000001 41')));
  assert.deepEqual([late.key, late.id, late.pts, late.data], [0, 1, 1000, '0000000141']);
  media.video(1080, hex(`17 00 000000 ${AVC.replace('aabbcc', 'aabbcd')}`));
  const changed = fields(media.video(1080, hex('27 01 000000 00000001 41')));
  assert.equal(changed.data, `${AVC_SETS.replace('aabbcc', 'aabbcd')}0000000141`);
  assert.equal(fields(media.video(1120, hex('27 01 000000 00000001 41'))).data, '0000000141');
});

test('H.265: the older id, Enhanced RTMP with and without an offset, ModEx', () => {
  const old = new MediaAssembler();
  old.video(0, hex(`1c 00 000000 ${HEVC}`));
  const unit = fields(old.video(0, hex('1c 01 000000 00000002 2601')));
  assert.deepEqual([unit.type, unit.data], [0x24, `${HEVC_SETS}000000012601`]);

  const media = new MediaAssembler();
  media.video(0, hex(`90 68766331 ${HEVC}`));
  assert.equal(fields(media.video(0, hex('91 68766331 000005 00000002 2601'))).pts, 5);
  assert.equal(fields(media.video(9, hex('a3 68766331 00000002 0201'))).pts, 9);
  // ModEx of 3 bytes, then coded frames without an offset.
  assert.equal(fields(media.video(9, hex('a7 02 010203 03 68766331 00000002 0201'))).id, 2);
  assert.equal(media.video(9, hex('92 68766331')), undefined);
});

test('parameter sets that would make a large unit of each small frame are refused', () => {
  const media = new MediaAssembler();
  const set = Buffer.alloc(40_000, 0x67);
  const record = Buffer.concat([hex('01 4d401f ff e1 9c40'), set, hex('00')]);
  assert.throws(() => media.video(0, Buffer.concat([hex('17 00 000000'), record])), {
    code: 'MEDIA_INVALID',
  });
});

test('AAC, also as mp4a', () => {
  for (const [config, frame] of [
    ['af 00 1210', 'af 01 0102030405'],
    ['90 6d703461 1210', '91 6d703461 0102030405'],
  ] as const) {
    const media = new MediaAssembler();
    assert.equal(media.audio(0, hex(frame)), undefined);
    media.audio(0, hex(config));
    const unit = fields(media.audio(7, hex(frame)));
    assert.deepEqual([unit.type, unit.key, unit.dts, unit.pts], [0x0f, 0, 7, 7]);
    assert.equal(unit.data, 'fff15080019ffc0102030405');
  }
});

test('what no decoder could take', () => {
  const media = new MediaAssembler();
  media.video(0, hex(`17 00 000000 ${AVC}`));
  const invalid = { code: 'MEDIA_INVALID' };
  for (const frame of ['000000', '00000002 65', 'ffffffff 65', '00000001 65 00']) {
    assert.throws(() => media.video(0, hex(`27 01 000000 ${frame}`)), invalid, frame);
  }
  for (const message of [
    '17',
    '17 01',
    '17 01 0000',
    '91 6876',
    '91 68766331 0000',
    '97 ff',
    '97 ff ff',
  ]) {
    assert.throws(() => media.video(0, hex(message)), invalid, message);
  }
  const unsupported = { code: 'MEDIA_UNSUPPORTED' };
  for (const message of ['12', '90 61763031', '96 00 68766331']) {
    assert.throws(() => media.video(0, hex(message)), unsupported, message);
  }
  for (const message of ['2f 00', '91 4f707573', '95 00']) {
    assert.throws(() => media.audio(0, hex(message)), unsupported, message);
  }
  media.audio(0, hex('af 00 1210'));
  assert.throws(() => media.audio(0, Buffer.concat([hex('af 01'), Buffer.alloc(8190)])), invalid);
  for (const message of ['', '57 00', '17 02 000000', '27 01 000000']) {
    assert.equal(media.video(0, hex(message)), undefined, message);
  }
});

test('a stream that goes on: times and ids too, from a keyframe with its sets on', () => {
  const nal = (data: string) => hex(`00000002 ${data}`);
  const first = new MediaAssembler();
  first.video(0, Buffer.concat([hex('17 00 000000'), hex(AVC)]));
  first.audio(0, hex('af 00 1210'));
  assert.equal(fields(first.video(90, Buffer.concat([hex('17 01 000050'), nal('6588')]))).pts, 170);
  assert.deepEqual([first.units, first.newestMs], [1, 170]);

  const second = new MediaAssembler({ units: first.units, startMs: 500 });
  second.video(7000, Buffer.concat([hex('17 00 000000'), hex(AVC)]));
  second.audio(7000, hex('af 00 1210'));
  assert.equal(second.video(7000, Buffer.concat([hex('27 01 000000'), nal('4188')])), undefined);
  assert.equal(second.droppedFrames, 1);
  const audio = fields(second.audio(7010, hex('af 01 2020')));
  assert.deepEqual([audio.id, audio.dts, audio.pts], [1, 500, 500]);
  // The other track began a little earlier: its times never lie before those that went out.
  const key = fields(second.video(7004, Buffer.concat([hex('17 01 000028'), nal('6588')])));
  assert.deepEqual([key.id, key.key, key.dts, key.pts], [2, 1, 500, 540]);
  assert.equal(key.data, `${AVC_SETS}000000016588`);
  const next = fields(second.video(7050, Buffer.concat([hex('27 01 000000'), nal('4188')])));
  assert.deepEqual([next.id, next.dts, next.data], [3, 540, '000000014188']);
});
