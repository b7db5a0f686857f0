import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkReader, chunks, control, MessageType } from '../../../../src/protocols/rtmp/index.js';

const MAX = 100_000;

interface Seen {
  readonly type: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly hex: string;
}

/** What comes out when `bytes` come in pieces of `size`. */
function read(bytes: Buffer, size = bytes.length, max = MAX): Seen[] {
  const seen: Seen[] = [];
  const reader = new ChunkReader(max, ({ type, streamId, timestamp, payload }) => {
    seen.push({ type, streamId, timestamp, hex: payload.toString('hex') });
  });
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return seen;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Two interleaved messages, each longer than a chunk, in the three forms of chunk stream ids. */
const interleaved = Buffer.concat([
  control(MessageType.setChunkSize, 4),
  hex('04 000010 000006 09 01000000'),
  hex('aaaaaaaa'),
  hex('00 24 000011 000005 08 01000000'),
  hex('bbbbbbbb'),
  hex('c4 aaaa'),
  hex('c0 24 bb'),
  hex('01 0001 000012 000002 14 00000000'),
  hex('cccc'),
]);

const INTERLEAVED: readonly Seen[] = [
  { type: 9, streamId: 1, timestamp: 16, hex: 'aaaaaaaaaaaa' },
  { type: 8, streamId: 1, timestamp: 17, hex: 'bbbbbbbbbb' },
  { type: 20, streamId: 0, timestamp: 18, hex: 'cccc' },
];

test('interleaved messages, in pieces of every size', () => {
  for (let size = 1; size <= interleaved.length; size++) {
    assert.deepEqual(read(interleaved, size), INTERLEAVED, `pieces of ${size}`);
  }
});

test('heads that leave fields out', () => {
  const bytes = hex(
    '04 000010 000001 09 01000000 aa' + // 16, and 16 is what is repeated
      'c4 bb' +
      '44 000003 000002 08 cccc' + // 3 more, another length and type
      '84 000005 dddd' +
      'c4 eeee',
  );
  assert.deepEqual(
    read(bytes).map(({ type, timestamp, hex }) => [type, timestamp, hex]),
    [
      [9, 16, 'aa'],
      [9, 32, 'bb'],
      [8, 35, 'cccc'],
      [8, 40, 'dddd'],
      [8, 45, 'eeee'],
    ],
  );
});

test('extended times, before the chunks that go on too; they wrap', () => {
  const bytes = Buffer.concat([
    control(MessageType.setChunkSize, 2),
    hex('04 ffffff 000003 09 01000000 fffffff0 aaaa c4 fffffff0 aa'),
    hex('84 000020 bbbb c4 bb'),
  ]);
  for (const size of [1, 5, bytes.length]) {
    assert.deepEqual(
      read(bytes, size).map(({ timestamp, hex }) => [timestamp, hex]),
      [
        [0xfffffff0, 'aaaaaa'],
        [0x10, 'bbbbbb'],
      ],
    );
  }
});

test('abort drops what was begun; empty messages', () => {
  const bytes = Buffer.concat([
    control(MessageType.setChunkSize, 2),
    hex('04 000000 000003 09 01000000 aaaa'),
    chunks(MessageType.abort, 0, Buffer.from([0, 0, 0, 4]), 2, 2),
    hex('04 000000 000001 09 01000000 bb'),
    hex('04 000000 000000 09 01000000'),
  ]);
  for (const size of [1, bytes.length]) {
    assert.deepEqual(
      read(bytes, size).map((one) => one.hex),
      ['bb', ''],
    );
  }
});

test('what our own writer cuts is put together', () => {
  const payload = Buffer.alloc(1000, 5);
  const bytes = chunks(MessageType.video, 1, payload, 128);
  assert.deepEqual(read(bytes, 77), [
    { type: 9, streamId: 1, timestamp: 0, hex: payload.toString('hex') },
  ]);
});

test('too large: one message, or all that are not whole', () => {
  const code = { code: 'RTMP_MESSAGE_TOO_LARGE' };
  assert.throws(() => read(hex('04 000000 ffffff 09 01000000'), 12, 1000), code);
  const half = (stream: string) => hex(`${stream} 000000 000190 09 01000000${'aa'.repeat(128)}`);
  const two = Buffer.concat([half('04'), half('05')]);
  assert.deepEqual(read(two, 12, 1000), []);
  assert.throws(() => read(Buffer.concat([two, half('06')]), 12, 1000), code);
});

test('what breaks the protocol', () => {
  const broken = (bytes: Buffer) => assert.throws(() => read(bytes), { code: 'RTMP_PROTOCOL' });
  broken(hex('c4'));
  broken(hex('44 000000 000001 09'));
  broken(control(MessageType.setChunkSize, 0));
  broken(control(MessageType.setChunkSize, 0x80000000));
  broken(hex('02 000000 000001 01 00000000 00'));
  broken(hex('02 000000 000001 02 00000000 00'));
  broken(hex(`04 000000 000100 09 01000000 ${'aa'.repeat(128)} 04 000000 000001 09 01000000`));
  broken(
    Buffer.concat(
      Array.from({ length: 65 }, (_, i) =>
        hex(`00 ${i.toString(16).padStart(2, '0')} 000000 000000 09 01000000`),
      ),
    ),
  );
});

test('a receiver that has enough gets no more of the piece', () => {
  let count = 0;
  const reader = new ChunkReader(MAX, () => {
    count++;
    reader.stop();
  });
  reader.push(
    Buffer.concat([chunks(9, 1, Buffer.alloc(1), 128), chunks(9, 1, Buffer.alloc(1), 128)]),
  );
  assert.equal(count, 1);
});
