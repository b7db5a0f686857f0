import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { attach, type Observation } from '../../../src/worker/index.js';
import { withRtmpServer } from '../../support/rtmp.js';
import { RtmpClient } from '../../support/rtmp-client.js';
import { certificate } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 180_000 };
const KB = 1024;
/** More than the lane of a test server holds. */
const FRAMES = 60;
const FRAME_BYTES = 100 * KB;

test('an observer that does not read costs the publisher nothing', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    const observer = await attach({ socket: server.server.server.socket, observer: true });
    try {
      const client = await RtmpClient.publish(server.port(), 'key');
      await client.status();
      client.config();
      client.frame(0, true, Buffer.alloc(20, 0x65));
      const seen = (await observer[Symbol.asyncIterator]().next()).value as Observation;
      // It has joined, and stands still.
      const standing = seen.request.body[Symbol.asyncIterator]();
      await standing.next();
      for (let i = 1; i <= FRAMES; i++) client.frame(i, false, Buffer.alloc(FRAME_BYTES, 0x41));
      client.command(1, 'closeStream', 0, null);
      const { units } = await server.report('body');
      assert.equal(units.length, 1 + FRAMES);
      assert.ok(server.server.server.stats().ingress.evictionsTotal > 0);
      // Until here it is referred to: what is collected has left.
      await assert.rejects(standing.next(), { code: 'EVICTED' });
      client.socket.end();
    } finally {
      await observer.stop({ deadlineMs: 0 });
    }
  }),
);

test('a body that is larger than allowed', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const client = await RtmpClient.publish(server.port(), 'key');
      await client.status();
      client.config();
      for (let i = 0; i < FRAMES; i++) client.frame(i, i === 0, Buffer.alloc(FRAME_BYTES, 0x41));
      const status = await client.status(1);
      assert.equal(status?.description, '413 BODY_TOO_LARGE');
      await client.end();
      assert.equal((await server.report('aborted')).code, 'BODY_TOO_LARGE');
    },
    {},
    { limits: { maxBodyBytes: 2 * 1024 * KB } },
  ),
);

test('a worker that has enough: the publisher is told in the middle of a flood', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    server.killWorker();
    const worker = await attach({ socket: server.server.server.socket });
    const running = worker.run(async ({ request, respond }) => {
      await request.body[Symbol.asyncIterator]().next();
      await respond(200).end();
    });
    const client = await RtmpClient.publish(server.port(), 'key');
    await client.status();
    client.config();
    for (let i = 0; i < FRAMES; i++) client.frame(i, i === 0, Buffer.alloc(FRAME_BYTES, 0x41));
    assert.equal((await client.status(1))?.code, 'NetStream.Unpublish.Success');
    await client.end();
    await worker.stop({ deadlineMs: 0 });
    await running;
  }),
);

test('RTMPS: held back by a worker that stands still, and nothing is lost', TIMEOUT, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ur-rtmps-'));
  try {
    const tls = { port: 0, ...(await certificate(folder)) };
    await withRtmpServer(
      async (server) => {
        server.suspendWorker();
        const client = await RtmpClient.publish(server.port('rtmps'), 'key', 'live', true);
        await client.status();
        client.config();
        for (let i = 0; i < FRAMES; i++) client.frame(i, i === 0, Buffer.alloc(FRAME_BYTES, 0x41));
        client.command(1, 'closeStream', 0, null);
        await until(() => server.server.server.stats().ingress.active === 1, 'the stream');
        server.resumeWorker();
        assert.equal((await server.report('body')).units.length, FRAMES);
        client.socket.end();
      },
      { tls },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
