import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { sample, sha256 } from '../../conformance/tools.js';
import {
  closePayload,
  type FrameOptions,
  frameOf,
  Opcode,
  RawWebSocket,
} from '../../support/raw-websocket.js';
import { TestServer } from '../../support/test-server.js';

const MAX_MESSAGE = 200_000;

let server: TestServer;
before(async () => {
  server = await TestServer.start({ transports: { websocket: { maxMessageBytes: MAX_MESSAGE } } });
});
afterEach(() => server.free());
after(() => server?.stop());

type Sent = readonly [opcode: number, payload?: string | Uint8Array, options?: FrameOptions];

const text = (bytes: readonly number[]) => Buffer.from(bytes);

/** What a client must not send, and the code that the connection is closed with. */
const BAD: readonly (readonly [string, readonly Sent[], number])[] = [
  ['a frame without a mask', [[Opcode.binary, 'x', { masked: false }]], 1002],
  ['a frame with RSV1', [[Opcode.binary, 'x', { reserved: 0x40 }]], 1002],
  ['a frame with RSV2', [[Opcode.binary, 'x', { reserved: 0x20 }]], 1002],
  ['a frame with RSV3', [[Opcode.binary, 'x', { reserved: 0x10 }]], 1002],
  ['an opcode of no data frame', [[3, 'x']], 1002],
  ['an opcode of no control frame', [[11, 'x']], 1002],
  ['a continuation of nothing', [[Opcode.more, 'x']], 1002],
  [
    'a message within a message',
    [
      [Opcode.binary, 'x', { fin: false }],
      [Opcode.binary, 'y'],
    ],
    1002,
  ],
  ['a fragmented ping', [[Opcode.ping, 'x', { fin: false }]], 1002],
  ['a ping of 126 bytes', [[Opcode.ping, 'x'.repeat(126)]], 1002],
  ['a close of one byte', [[Opcode.close, 'x']], 1002],
  ['a close with a code that nobody sends', [[Opcode.close, closePayload(1005)]], 1002],
  ['a close with a code below 1000', [[Opcode.close, closePayload(999)]], 1002],
  [
    'a close whose reason is no UTF-8',
    [[Opcode.close, Buffer.concat([closePayload(1000), text([0xff])])]],
    1007,
  ],
  ['text that is no UTF-8', [[Opcode.text, text([0xc3, 0x28])]], 1007],
  ['a length above 2^53', [[Opcode.binary, '', { length: Number.MAX_SAFE_INTEGER + 2 }]], 1009],
  ['a length that is too large', [[Opcode.binary, '', { length: MAX_MESSAGE + 1 }]], 1009],
  [
    'fragments that are too large together',
    [
      [Opcode.binary, sample(MAX_MESSAGE), { fin: false }],
      [Opcode.more, 'x'],
    ],
    1009,
  ],
];

for (const [what, frames, code] of BAD) {
  test(`${what} closes with ${code}, and the worker knows`, async () => {
    const reports = server.worker.reports.length;
    const client = await RawWebSocket.open(server.port(), '/upload/silent');
    client.send(Opcode.binary, 'good');
    await server.worker.report('reading', reports);
    for (const frame of frames) client.send(...frame);
    const closed = await client.rest();
    assert.equal(closed.code, code);
    const expected = code === 1009 ? '413 MESSAGE_TOO_LARGE: ' : '400 BAD_FRAME: ';
    assert.ok(closed.reason.startsWith(expected), closed.reason);
    assert.ok(Buffer.byteLength(closed.reason) <= 123);
    const { abort } = await server.worker.report('failed', reports);
    assert.equal(abort, code === 1009 ? 'MESSAGE_TOO_LARGE' : 'BAD_FRAME');
    client.destroy();
  });
}

test('the largest message is taken, and its reason says what the largest is', async () => {
  const client = await RawWebSocket.open(server.port(), '/upload/hash');
  client.send(Opcode.binary, sample(MAX_MESSAGE));
  client.send(Opcode.binary);
  const { body } = await client.rest();
  assert.equal(JSON.parse(body.toString()).sha256, sha256(sample(MAX_MESSAGE)));
  client.destroy();
  const over = await RawWebSocket.open(server.port(), '/upload/hash');
  over.send(Opcode.binary, '', { length: MAX_MESSAGE + 1 });
  assert.match((await over.rest()).reason, /200000 bytes/);
  over.destroy();
});

test('fragments are one message, and a ping between them is answered', async () => {
  const client = await RawWebSocket.open(server.port(), '/upload/hash');
  client.send(Opcode.binary, 'a', { fin: false });
  client.send(Opcode.ping, 'are you there?');
  client.send(Opcode.more, '', { fin: false });
  client.send(Opcode.more, 'b', { fin: false });
  const pong = await client.next();
  assert.deepEqual([pong.opcode, pong.payload.toString()], [Opcode.pong, 'are you there?']);
  client.send(Opcode.more, 'c');
  client.send(Opcode.binary);
  const { body } = await client.rest();
  assert.equal(JSON.parse(body.toString()).sha256, sha256(Buffer.from('abc')));
  client.destroy();
});

test('an empty message in fragments ends the request', async () => {
  const client = await RawWebSocket.open(server.port(), '/upload/echo');
  client.send(Opcode.binary, 'all');
  client.send(Opcode.binary, '', { fin: false });
  client.send(Opcode.more, '');
  assert.equal((await client.rest()).body.toString(), 'all');
  client.destroy();
});

test('frames may come byte by byte', async () => {
  const client = await RawWebSocket.open(server.port(), '/upload/echo');
  const bytes = Buffer.concat([
    frameOf(Opcode.binary, 'dripping'),
    frameOf(Opcode.close, closePayload(1000)),
  ]);
  for (const byte of bytes) {
    client.client.send(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await client.rest()).body.toString(), 'dripping');
  client.destroy();
});

test('a message in too many pieces is refused before it costs more than its bytes', async () => {
  const client = await RawWebSocket.open(server.port(), '/upload/silent');
  const more = frameOf(Opcode.more, '', { fin: false });
  client.send(Opcode.binary, '', { fin: false });
  client.client.send(Buffer.concat(Array.from({ length: 20_000 }, () => more)));
  const { code, reason } = await client.rest();
  assert.equal(code, 1008);
  assert.match(reason, /^400 BAD_FRAME: .*fragments/);
  client.destroy();
});

test('frames after a close are not looked at', async () => {
  const client = await RawWebSocket.open(server.port(), '/upload/hash');
  client.send(Opcode.binary, 'before');
  client.send(Opcode.close, closePayload(1000));
  client.send(Opcode.binary, 'after');
  client.client.send('no frame at all');
  const { body, code } = await client.rest();
  assert.equal(JSON.parse(body.toString()).sha256, sha256(Buffer.from('before')));
  assert.equal(code, 1000);
  client.destroy();
});

test('a half-close without a close frame gives the request up', async () => {
  const reports = server.worker.reports.length;
  const client = await RawWebSocket.open(server.port(), '/upload/silent');
  client.send(Opcode.binary, 'half');
  await server.worker.report('reading', reports);
  client.client.finish();
  assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  await client.ending();
});
