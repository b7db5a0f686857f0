import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseRtcp,
  type ReportBlock,
  writeBye,
  writeCname,
  writeFir,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../../../../src/protocols/rtp/index.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const BLOCK: ReportBlock = {
  ...{ ssrc: 0xaabbccdd, fractionLost: 64, cumulativeLost: -2, highestSequence: 0x0001fffe },
  ...{ jitter: 90, lastReport: 0x12345678, delay: 65_536 },
};
const BLOCK_HEX = 'aabbccdd 40 fffffe 0001fffe 0000005a 12345678 00010000';

test('the packets are those of the figures in the RFCs', () => {
  const written: [Buffer, string][] = [
    [writeReceiverReport(1, [BLOCK]), `81 c9 0007 00000001 ${BLOCK_HEX}`],
    [
      writeSenderReport(1, { ntpMs: 3_000_500, rtpTimestamp: 5, packets: 6, octets: 7 }),
      '80 c8 0006 00000001 00000bb8 80000000 00000005 00000006 00000007',
    ],
    [writeCname(1, 'ab'), '81 ca 0003 00000001 01 02 6162 00000000'],
    [writeCname(1, 'abc'), '81 ca 0003 00000001 01 03 616263 000000'],
    [
      writeNack(1, 2, [0xfffe, 0xffff, 14, 15, 40]),
      '81 cd 0005 00000001 00000002 fffe8001 000f0000 00280000',
    ],
    [writePli(1, 2), '81 ce 0002 00000001 00000002'],
    [writeFir(1, 2, 257), '84 ce 0004 00000001 00000000 00000002 01000000'],
    [writeRemb(1, 600_000, [2]), '8f ce 0005 00000001 00000000 52454d42 01 0a49f0 00000002'],
    [writeRemb(1, 0x3ffff, []), '8f ce 0004 00000001 00000000 52454d42 00 03ffff'],
    [writeRemb(1, 0x40001, []), '8f ce 0004 00000001 00000000 52454d42 00 060000'],
    [
      writeRemb(1, 10_000_000, [2, 3]),
      '8f ce 0006 00000001 00000000 52454d42 02 1a625a 00000002 00000003',
    ],
    [writeBye([1, 2]), '82 cb 0002 00000001 00000002'],
  ];
  for (const [packet, text] of written) {
    assert.equal(packet.toString('hex'), text.replaceAll(' ', ''));
  }
});

test('a compound packet is read as it was written', () => {
  const sequences = [0xfffe, 0xffff, 0, 14, 15, 40];
  const compound = Buffer.concat([
    writeSenderReport(1, { ntpMs: 3_000_500, rtpTimestamp: 5, packets: 6, octets: 7 }, [BLOCK]),
    writeReceiverReport(2, [BLOCK, BLOCK]),
    writeCname(1, 'name'),
    writeNack(1, 2, sequences),
    writePli(1, 2),
    writeFir(1, 2, 3),
    writeRemb(1, 600_000, [2, 3]),
    writeBye([1]),
  ]);
  assert.deepEqual(parseRtcp(compound), [
    {
      ...{ type: 'sender-report', ssrc: 1, ntpMs: 3_000_500, ntpMiddle: 0x0bb88000 },
      ...{ rtpTimestamp: 5, packets: 6, octets: 7, reports: [BLOCK] },
    },
    { type: 'receiver-report', ssrc: 2, reports: [BLOCK, BLOCK] },
    { type: 'other', packetType: 202 },
    { type: 'nack', ssrc: 1, mediaSsrc: 2, sequences },
    { type: 'pli', ssrc: 1, mediaSsrc: 2 },
    { type: 'fir', ssrc: 1, requests: [{ ssrc: 2, sequence: 3 }] },
    { type: 'remb', ssrc: 1, bitsPerSecond: 600_000, ssrcs: [2, 3] },
    { type: 'bye', ssrcs: [1] },
  ]);
});

test('feedback and types of other RFCs are skipped, padding is none of the body', () => {
  const transportWide = '8f cd 0003 00000001 00000002 00000000';
  const empty = '8f ce 0002 00000001 00000000';
  const another = '8f ce 0003 00000001 00000000 52454d43';
  const padded = 'a1 cb 0002 00000001 00000004';
  assert.deepEqual(parseRtcp(hex(`${transportWide} ${empty} ${another} ${padded}`)), [
    { type: 'other', packetType: 205 },
    { type: 'other', packetType: 206 },
    { type: 'other', packetType: 206 },
    { type: 'bye', ssrcs: [1] },
  ]);
});

test('a bit rate has 18 bits and an exponent', () => {
  const read = (field: string) =>
    parseRtcp(hex(`8f ce 0004 00000001 00000000 52454d42 00 ${field}`))[0];
  const rates = { '000000': 0, '03ffff': 0x3ffff, '0a49f0': 600_000, ffffff: 0x3ffff * 2 ** 63 };
  for (const [field, bitsPerSecond] of Object.entries(rates)) {
    assert.deepEqual(read(field), { type: 'remb', ssrc: 1, bitsPerSecond, ssrcs: [] });
  }
});

test('lengths and counts that do not add up are refused', () => {
  const broken = {
    'an empty one': '',
    'half a header': '80 c9 00',
    'another version': '41 c9 0001 00000001',
    'a length beyond the datagram': '80 c9 0002 00000001',
    'more reports than bytes': '81 c9 0001 00000001',
    'half a sender report': '80 c8 0002 00000001 00000000',
    'more sources than bytes': '9f cb 0001 00000001',
    'a NACK without a source': '81 cd 0001 00000001',
    'a PLI without a source': '81 ce 0001 00000001',
    'a REMB without a rate': '8f ce 0003 00000001 00000000 52454d42',
    'more sources of a REMB than bytes': '8f ce 0005 00000001 00000000 52454d42 02 0a49f0 00000002',
    'padding that is not in the last packet': 'a1 cb 0002 00000001 00000004 80 c9 0001 00000001',
    'padding of 3': 'a1 cb 0002 00000001 00000003',
    'padding of 0': 'a1 cb 0002 00000001 00000000',
    'more padding than packet': 'a1 cb 0002 00000001 0000000c',
    'padding without a body': 'a0 cb 0000',
  };
  for (const [what, text] of Object.entries(broken)) {
    assert.throws(() => parseRtcp(hex(text)), { code: 'RTCP_INVALID' }, what);
  }
});
