import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  extensionElement,
  parseRtcp,
  parseRtp,
  TransportLog,
  writeTransportFeedback,
} from '../../../../src/protocols/rtp/index.js';
import { readTransportFeedback } from '../../../support/transport-feedback.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('feedback is that of the figures in the draft', () => {
  const none = undefined;
  const cases: [number, (number | undefined)[], string][] = [
    // Two bits for each: small, small, none, large. The reference is 2 * 64 ms, 512 quarters.
    [7, [516, 522, none, 822], '6 03e8 0004 000002 07 d480 04 06 012c 0000'],
    // One bit for each.
    [255, [0, none, 1], '5 03e8 0003 000000 ff a800 00 01'],
    // A run of 20 small ones, from 255 quarters on.
    [
      0,
      Array.from({ length: 20 }, (_, at) => 255 + at),
      `a 03e8 0014 000000 00 2014 ff ${'01'.repeat(19)} 0000`,
    ],
    // Ten that are missing before one that came earlier than the one before them.
    [0, [600, ...Array(9), 300], '6 03e8 000b 000002 00 d000 c080 58 fed4 00'],
    [0, [0, ...Array(30), 1], '6 03e8 0020 000000 00 a000 0011 2001 00 01'],
    [0, [0, ...Array(20), 1], '6 03e8 0016 000000 00 a000 8040 00 01 0000'],
  ];
  for (const [count, arrivals, text] of cases) {
    const written = writeTransportFeedback(1, 2, { base: 1000, count, arrivals });
    const [length, ...rest] = text.split(' ');
    const expected = `8fcd${length?.padStart(4, '0')}0000000100000002${rest.join('')}`;
    assert.equal(written.toString('hex'), expected);
    assert.deepEqual(readTransportFeedback(written), [
      { base: 1000, count, arrivals: [...arrivals] },
    ]);
    assert.deepEqual(parseRtcp(written), [{ type: 'other', packetType: 205 }]);
  }
});

test('packets are told once, those that are missing too, every 50 ms', () => {
  const log = new TransportLog();
  assert.equal(log.take(0), undefined);
  log.arrived(0xffff, 10);
  log.arrived(1, 12.25);
  log.arrived(1, 13);
  assert.deepEqual(log.take(20), { base: 0xffff, count: 0, arrivals: [40, undefined, 49] });
  log.arrived(2, 30);
  assert.equal(log.take(69), undefined);
  assert.deepEqual(log.take(70), { base: 2, count: 1, arrivals: [120] });
  assert.equal(log.take(1000), undefined, 'nothing new');
});

test('a late packet is told with those that came after it', () => {
  const log = new TransportLog();
  for (const sequence of [10, 12, 13]) log.arrived(sequence, sequence);
  assert.deepEqual(log.take(20)?.arrivals, [40, undefined, 48, 52]);
  log.arrived(11, 30);
  assert.deepEqual(log.take(70), { base: 11, count: 1, arrivals: [120, 48, 52] });
  for (let sequence = 14; sequence < 800; sequence++) log.arrived(sequence, 100);
  for (let nowMs = 200; log.take(nowMs); nowMs++);
  log.arrived(9, 300);
  assert.equal(log.take(400), undefined, 'too late');
});

test('many packets are told in several parts, and a gap of seconds parts them', () => {
  const log = new TransportLog();
  for (let at = 0; at < 100; at++) log.arrived(at, at);
  assert.deepEqual([log.take(100)?.arrivals.length, log.take(100)?.arrivals.length], [64, 36]);
  log.arrived(100, 200);
  log.arrived(103, 9000);
  assert.deepEqual(log.take(9000), { base: 100, count: 2, arrivals: [800] });
  assert.deepEqual(log.take(9000), {
    base: 101,
    count: 3,
    arrivals: [undefined, undefined, 36_000],
  });
});

test('a sender whose numbers jump has begun again', () => {
  const log = new TransportLog();
  log.arrived(0, 0);
  log.arrived(2000, 1);
  log.arrived(2002, 2);
  assert.deepEqual(log.take(10), { base: 2000, count: 0, arrivals: [4, undefined, 8] });
  log.arrived(0xff00, 60);
  assert.deepEqual(log.take(70), { base: 0xff00, count: 1, arrivals: [240] });
});

test('an element of a header extension is found by its id', () => {
  const extensionOf = (profile: string, elements: string) =>
    parseRtp(hex(`90 60 0001 00000000 00000001 ${profile}0002 ${elements} aabb`)).extension;
  const two = extensionOf('bede', '10ff 00 3112 34 0000') as Buffer;
  const find = (bytes: Buffer, id: number) => extensionElement(bytes, id)?.toString('hex');
  assert.deepEqual(
    [find(two, 1), find(two, 3), find(two, 2), find(two, 0)],
    ['ff', '1234', ...Array(2)],
  );
  assert.equal(extensionOf('1000', '0302 1234 0000 0000'), undefined, 'heads of two bytes');
  const stopped = extensionOf('bede', 'f0ff 3112 3400 0000') as Buffer;
  assert.equal(find(stopped, 3), undefined, 'nothing counts behind 15');
  const cut = extensionOf('bede', '10ff 0000 0000 003f') as Buffer;
  assert.equal(find(cut, 3), undefined, 'it would end outside');
});
