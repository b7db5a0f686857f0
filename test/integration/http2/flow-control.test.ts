import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { FrameType, Setting } from '../../support/http2/frames.js';
import { RawHttp2 } from '../../support/http2/raw-http2.js';
import { TestServer } from '../../support/test-server.js';

const SLOT = 65_536;
const LANE = 4 * SLOT;
const WINDOW = 256 * 1024;
/** What Node reads on before it stops: the mark of its streams. */
const MARK = 16 * 1024;

let server: TestServer;
before(async () => {
  server = await TestServer.start({
    workers: 0,
    segment: { pools: [{ name: 'uploads', streams: 8, requestSlots: 4, responseSlots: 4 }] },
    limits: { noWorkerTimeoutMs: 60_000 },
    transports: { http2: { streamWindowBytes: WINDOW } },
  });
});
after(() => server?.stop());

/** One upload that sends as much as the server allows, and no more. */
class Sender {
  readonly hash = createHash('sha256');
  sent = 0;

  constructor(
    readonly client: RawHttp2,
    readonly stream: number,
    public frameBytes = 16_384,
  ) {}

  /** Bytes that the server has allowed so far. */
  get allowed(): number {
    const updates = this.client.frames
      .filter(({ type, stream }) => type === FrameType.windowUpdate && stream === this.stream)
      .map(({ payload }) => payload.readUInt32BE(0));
    return updates.reduce((sum, one) => sum + one, WINDOW);
  }

  /** Sends until the server allows nothing, even after it has read all that was sent. */
  async untilStopped(limit = Number.POSITIVE_INFINITY): Promise<void> {
    for (let before = -1; before !== this.sent; ) {
      before = this.sent;
      const parts: Buffer[] = [];
      for (let room = Math.min(this.allowed, limit) - this.sent; room > 0; ) {
        const bytes = Math.min(room, this.frameBytes);
        parts.push(Buffer.alloc(bytes, this.sent % 251));
        room -= bytes;
        this.sent += bytes;
      }
      for (const part of parts) {
        this.hash.update(part);
        this.client.data(this.stream, part);
      }
      await this.client.isAlive();
    }
  }

  /** Sends the rest as the server allows it. */
  async finish(total: number): Promise<void> {
    while (this.sent < total) await this.untilStopped(total);
    this.client.data(this.stream, '', true);
  }
}

test('an upload that nobody reads stops at its window, and goes on when somebody does', async () => {
  const client = await RawHttp2.connect(server.port('http', 'http2'));
  const announced = client.frames.find(({ type }) => type === FrameType.settings);
  const pairs = new Map<number, number>();
  for (let at = 0; at < (announced?.payload.length ?? 0); at += 6) {
    const { payload } = announced as { payload: Buffer };
    pairs.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  }
  assert.equal(pairs.get(Setting.initialWindowSize), WINDOW);

  client.open(1, '/upload/hash');
  const upload = new Sender(client, 1);
  await upload.untilStopped();
  assert.ok(upload.sent >= LANE, `only ${upload.sent} bytes of a lane of ${LANE}`);
  assert.ok(upload.sent <= LANE + WINDOW + MARK, `${upload.sent} bytes were taken`);
  assert.equal(upload.sent, upload.allowed);

  await server.addWorker();
  await upload.finish(4 * LANE);
  const seen = JSON.parse((await client.answer(1)).body.toString());
  assert.deepEqual([seen.bytes, seen.sha256], [4 * LANE, upload.hash.digest('hex')]);
  client.destroy();
  await server.free();
});

test('an upload that is stopped does not hold up others on its connection', async () => {
  const client = await RawHttp2.connect(server.port('http', 'http2'));
  client.open(1, '/upload/idle');
  const stopped = new Sender(client, 1);
  await stopped.untilStopped();
  assert.equal(stopped.sent, stopped.allowed);

  client.open(3, '/upload/hash');
  const upload = new Sender(client, 3);
  await upload.finish(8 * WINDOW);
  const seen = JSON.parse((await client.answer(3)).body.toString());
  assert.deepEqual([seen.bytes, seen.sha256], [8 * WINDOW, upload.hash.digest('hex')]);
  assert.equal(stopped.sent, stopped.allowed);
  client.destroy();
  await server.free();
});

test('frames of one byte that have to wait arrive as they were sent', async () => {
  for (const worker of server.workers.splice(0)) await worker.kill();
  const client = await RawHttp2.connect(server.port('http', 'http2'));
  client.open(1, '/upload/hash');
  const upload = new Sender(client, 1);
  await upload.untilStopped(LANE);
  upload.frameBytes = 1;
  await upload.untilStopped();
  // nghttp2 tells of room when it is half a window.
  assert.ok(upload.sent >= LANE + WINDOW / 2, `only ${upload.sent} bytes`);
  client.data(1, '', true);
  await server.addWorker();
  const seen = JSON.parse((await client.answer(1)).body.toString());
  assert.deepEqual([seen.bytes, seen.sha256], [upload.sent, upload.hash.digest('hex')]);
  client.destroy();
  await server.free();
});
