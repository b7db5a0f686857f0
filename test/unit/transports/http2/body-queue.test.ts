import assert from 'node:assert/strict';
import { once } from 'node:events';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { WaitingBudget } from '../../../../src/ingress/index.js';
import { BodyQueue } from '../../../../src/transports/http2/body-queue.js';
import { ReadMemory } from '../../../../src/transports/http2/read-memory.js';
import { RawHttp2 } from '../../../support/http2/raw-http2.js';
import { until } from '../../../support/until.js';

const WINDOW = 128 * 1024;

let server: Server;
let client: RawHttp2;
let budget: WaitingBudget;
let stream: ServerHttp2Stream;
let queue: BodyQueue;
let overflows: number;

/** Opens one stream, whose bytes wait in a queue. */
async function open(limitBytes = 0): Promise<void> {
  budget = new WaitingBudget(limitBytes);
  overflows = 0;
  client = await RawHttp2.connect((server.address() as AddressInfo).port);
  client.open(1, '/');
  await until(() => stream !== undefined, 'the stream');
  queue = new BodyQueue(stream, budget, new ReadMemory(), () => {
    overflows++;
  });
}

beforeEach(async () => {
  stream = undefined as unknown as ServerHttp2Stream;
  server = createServer((socket) => {
    const session = performServerHandshake(socket, { settings: { initialWindowSize: WINDOW } });
    session.on('error', () => {});
    session.on('stream', (opened: ServerHttp2Stream) => {
      opened.on('error', () => {});
      stream = opened;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  client.destroy();
  server.close();
});

/** Sends `count` frames of one byte, and waits until the server has read them. */
async function sendBytes(count: number, from = 0): Promise<void> {
  for (let i = 0; i < count; i++) client.data(1, Buffer.from([(from + i) % 251]));
  await client.isAlive();
}

/** The bytes that `sendBytes` sends. */
const expected = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => i % 251));

describe('BodyQueue', () => {
  it('keeps small frames in few pieces, and in their order', async () => {
    await open();
    const count = 50_000;
    await sendBytes(count);
    assert.equal(budget.usedBytes, count);
    const pieces: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      pieces.push(chunk);
      queue.settle();
    });
    client.data(1, '', true);
    await once(stream, 'end');
    assert.deepEqual(Buffer.concat(pieces), expected(count));
    assert.ok(pieces.length <= 10, `${pieces.length} pieces`);
    assert.equal(budget.usedBytes, 0);
  });

  it('keeps nothing of the buffers that large frames were read into', async () => {
    await open();
    client.data(1, Buffer.alloc(10_000, 'a'));
    client.data(1, Buffer.alloc(16_384, 'b'));
    await client.isAlive();
    const pieces: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => pieces.push(chunk));
    client.data(1, '', true);
    await once(stream, 'end');
    assert.equal(Buffer.concat(pieces).length, 26_384);
    for (const { buffer } of pieces) assert.ok(buffer.byteLength <= 16_384);
  });

  it('hands on at once while somebody reads', async () => {
    await open();
    const pieces: string[] = [];
    stream.on('data', (chunk: Buffer) => pieces.push(chunk.toString()));
    for (const text of ['a', 'b', 'c']) {
      client.data(1, text);
      await client.isAlive();
      assert.equal(pieces.join(''), 'abc'.slice(0, 'abc'.indexOf(text) + 1));
    }
    assert.equal(budget.usedBytes, 0);
  });

  it('goes on after every pause', async () => {
    await open();
    const pieces: Buffer[] = [];
    const paused = stream;
    paused.on('data', (chunk: Buffer) => {
      pieces.push(chunk);
      queue.settle();
      paused.pause();
      setImmediate(() => paused.resume());
    });
    const count = 20_000;
    for (let sent = 0; sent < count; sent += 5000) await sendBytes(5000, sent);
    client.data(1, '', true);
    await once(stream, 'end');
    assert.deepEqual(Buffer.concat(pieces), expected(count));
    assert.equal(budget.usedBytes, 0);
  });

  it('says once when the budget is used up, and keeps nothing then', async () => {
    await open(1000);
    await sendBytes(1000);
    assert.deepEqual([overflows, budget.usedBytes], [0, 1000]);
    await sendBytes(500);
    assert.deepEqual([overflows, budget.usedBytes], [1, 0]);
  });

  it('gives back what waits when the stream closes', async () => {
    await open();
    await sendBytes(100);
    assert.equal(budget.usedBytes, 100);
    client.destroy();
    await once(stream, 'close');
    assert.equal(budget.usedBytes, 0);
  });

  it('drops what nobody wants, and still sees the end', async () => {
    await open();
    await sendBytes(100);
    queue.drop();
    await sendBytes(100);
    assert.equal(budget.usedBytes, 0);
    client.data(1, '', true);
    await once(stream, 'end');
  });

  it('allows the client at most another window of what is dropped', async () => {
    await open();
    client.data(1, Buffer.alloc(16_384));
    await client.isAlive();
    queue.drop();
    let sent = 16_384;
    const allowed = () =>
      client.frames
        .filter(({ type, stream: id }) => type === 8 && id === 1)
        .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), WINDOW);
    for (let before = -1; before !== sent; ) {
      before = sent;
      for (; sent + 16_384 <= allowed(); sent += 16_384) client.data(1, Buffer.alloc(16_384));
      await client.isAlive();
    }
    assert.ok(sent <= 2 * WINDOW, `${sent} bytes`);
  });

  it('frees what the socket was read into when all of it was used, and only then', async () => {
    await open();
    const freed = new Set<ArrayBufferLike>();
    const buffers: ArrayBufferLike[] = [];
    let use = true;
    stream.on('data', (chunk: Buffer) => {
      if (buffers.at(-1) !== chunk.buffer) buffers.push(chunk.buffer);
      if (use) queue.used(({ buffer }) => freed.add(buffer));
    });
    const send = async () => {
      client.data(1, Buffer.alloc(5000));
      await client.isAlive();
    };
    for (use of [true, false, true, true]) await send();
    assert.equal(buffers.length, 4);
    // The last one is still Node's.
    assert.deepEqual(
      buffers.map((buffer) => freed.has(buffer)),
      [true, false, true, false],
    );
  });
});
