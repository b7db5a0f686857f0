import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf, parseRtp } from '../../../../src/protocols/rtp/index.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('a header by the figure of RFC 3550', () => {
  const { payload, ...fields } = parseRtp(hex('80 e0 fffe 89abcdef 01020304 aabb'));
  assert.deepEqual(fields, {
    payloadType: 96,
    marker: true,
    sequence: 0xfffe,
    timestamp: 0x89abcdef,
    ssrc: 0x01020304,
    datagramBytes: 14,
  });
  assert.equal(payload.toString('hex'), 'aabb');
});

test('contributing sources, extension and padding are no payload', () => {
  const packet = hex(
    'b2 60 0001 00000000 00000001 11111111 22222222 bede0001 10ff0000 aabb 000003',
  );
  assert.equal(parseRtp(packet).payload.toString('hex'), 'aabb');
  const onlyPadding = hex('a0 60 0001 00000000 00000001 00000004');
  assert.equal(parseRtp(onlyPadding).payload.length, 0);
});

test('lengths that point out of the datagram are refused', () => {
  const broken = {
    'an empty one': '',
    'half a header': '80 60 0001 00000000 000000',
    'version 1': '40 60 0001 00000000 00000001',
    '15 sources in 12 bytes': '8f 60 0001 00000000 00000001',
    'half an extension header': '90 60 0001 00000000 00000001 bede',
    'an extension of 256 KB': '90 60 0001 00000000 00000001 bedeffff 00000000',
    'padding of 0': 'a0 60 0001 00000000 00000001 aabb00',
    'more padding than payload': 'a0 60 0001 00000000 00000001 aabb04',
    'padding in an empty payload': 'a0 60 0001 00000000 00000001',
  };
  for (const [what, text] of Object.entries(broken)) {
    assert.throws(() => parseRtp(hex(text)), { code: 'RTP_INVALID' }, what);
  }
});

test('what shares a port is told apart by two bytes', () => {
  const kinds = [
    [[0x80, 96], 'rtp'],
    [[0x80, 0xe0], 'rtp'],
    [[0xbf, 191], 'rtp'],
    [[0x80, 200], 'rtcp'],
    [[0x81, 192], 'rtcp'],
    [[0x81, 223], 'rtcp'],
    [[0x80, 224], 'rtp'],
    [[0, 1], 'stun'],
    [[3, 1], 'stun'],
    [[20, 254], 'dtls'],
    [[63, 254], 'dtls'],
    [[64, 0], 'unknown'],
    [[192, 0], 'unknown'],
    [[], 'unknown'],
  ] as const;
  for (const [bytes, kind] of kinds) assert.equal(kindOf(Buffer.from(bytes)), kind);
});
