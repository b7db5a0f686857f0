import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hashChosenToken } from '../../../src/admission/index.js';
import { RtmpServer } from '../../support/rtmp.js';
import { AVC_SETS, RtmpClient } from '../../support/rtmp-client.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 120_000 };
const START_CODE = Buffer.from([0, 0, 0, 1]);
/** Never reached: these tests wait for what ends it. */
const LONG_MS = 600_000;

const nal = (type: number, size: number) => Buffer.alloc(size, type);

const tokenOf = (who: string) => `secret-of-${who}-0123456789`;

/** Publishes as `who`, with a keyframe and a frame after it. */
async function publish(server: RtmpServer, key: string, who = '', fromMs = 0): Promise<RtmpClient> {
  const query = who === '' ? '' : `?token=${tokenOf(who)}`;
  const client = await RtmpClient.publish(server.port(), `${key}${query}`);
  await started(client);
  client.config();
  client.frame(fromMs, true, nal(0x65, 3000));
  client.frame(fromMs + 40, false, nal(0x41, 500));
  return client;
}

async function started(client: RtmpClient): Promise<void> {
  assert.equal((await client.status())?.code, 'NetStream.Publish.Start');
}

/** Resolves when the worker has so many units of the stream that it was given after `from` reports. */
async function units(server: RtmpServer, count: number, from = 0): Promise<void> {
  const seen = () => server.reports.slice(from).some((one) => (one.count ?? 0) >= count);
  await until(seen, `${count} units`);
}

const waiting = (server: RtmpServer): number =>
  server.server.server.stats().ingress.transports.rtmp?.media?.waiting ?? 0;

async function gone(server: RtmpServer): Promise<void> {
  await until(() => waiting(server) === 1, 'the publisher to be missed');
}

async function withServer(
  options: Parameters<typeof RtmpServer.start>[0],
  run: (server: RtmpServer) => Promise<void>,
  others: Parameters<typeof RtmpServer.start>[1] = {},
): Promise<void> {
  const server = await RtmpServer.start({ graceMs: LONG_MS, ...options }, others);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

test('a publisher that comes back goes on with the same stream', TIMEOUT, () =>
  withServer({}, async (server) => {
    const first = await publish(server, 'key', '', 5000);
    await units(server, 2);
    // A frame that is cut off in its middle is no unit.
    const head = Buffer.from([4, 0, 0, 80, 0, 0x80, 0, 9, 1, 0, 0, 0]);
    first.socket.write(Buffer.concat([head, nal(0x41, 4000)]));
    first.socket.end();
    await gone(server);
    assert.equal(server.server.server.segment.native.streams().length, 1);

    const second = await RtmpClient.publish(server.port(), 'key');
    await started(second);
    second.config();
    // It cannot be decoded without what came before it.
    second.frame(100, false, nal(0x41, 10));
    second.frame(140, true, nal(0x65, 4000));
    second.frame(180, false, nal(0x41, 600), 80);
    await units(server, 4);
    const facts = [...server.server.server.ingress.facts().values()][0];
    assert.deepEqual([facts?.media?.continued, facts?.media?.waitingMs], [1, null]);
    assert.equal(facts?.media?.dropped, 1);
    second.command(1, 'closeStream', 0, null);
    const body = await server.report('body');
    const { units: all } = body;
    assert.deepEqual(
      all.map(({ id, key }) => [id, key]),
      [
        [0, true],
        [1, false],
        [2, true],
        [3, false],
      ],
    );
    const [, before, after, last] = all;
    assert.ok(before && after && last);
    assert.ok(after.dts > before.pts, `${after.dts} after ${before.pts}`);
    assert.deepEqual([last.dts - after.dts, last.pts - last.dts], [40, 80]);
    const sets = AVC_SETS;
    const expected = [sets, START_CODE, nal(0x65, 3000), START_CODE, nal(0x41, 500)];
    expected.push(sets, START_CODE, nal(0x65, 4000), START_CODE, nal(0x41, 600));
    assert.deepEqual(readFileSync(body.files[0] as string), Buffer.concat(expected));
    assert.equal(server.reports.filter(({ event }) => event === 'opened').length, 1);
    second.socket.end();
    await server.server.free();
  }),
);

test('who does not come back in time has gone', TIMEOUT, () =>
  withServer({ graceMs: 300 }, async (server) => {
    const client = await publish(server, 'key');
    await units(server, 2);
    client.socket.destroy();
    assert.equal((await server.report('aborted')).code, 'CLIENT_GONE');
    await server.server.free();
    const from = server.reports.length;
    const other = await publish(server, 'key');
    await server.report('opened', from);
    other.command(1, 'closeStream', 0, null);
    await server.report('body', from);
  }),
);

test('a publisher that says its last word is not waited for', TIMEOUT, () =>
  withServer({}, async (server) => {
    const client = await publish(server, 'key');
    client.command(1, 'closeStream', 0, null);
    client.socket.destroy();
    await server.report('body');
    await server.server.free();
  }),
);

test('silence is a broken connection too', TIMEOUT, () =>
  withServer({ idleTimeoutMs: 2000 }, async (server) => {
    const client = await publish(server, 'key');
    await units(server, 2);
    client.socket.pause();
    await gone(server);
    const second = await publish(server, 'key');
    await units(server, 4);
    second.command(1, 'closeStream', 0, null);
    await server.report('body');
    client.socket.destroy();
  }),
);

test(
  'somebody else may not go on with it, and is refused, or takes its place',
  TIMEOUT,
  async () => {
    const permissions = [{ action: 'publish' as const }];
    const tokens = [];
    for (const name of ['ann', 'bob']) {
      tokens.push({ name, hash: await hashChosenToken(tokenOf(name)), permissions });
    }
    const auth = { auth: { tokens }, limits: { maxStreamsPerSubject: 1 } };
    for (const secondPublisher of ['refuse', 'takeover'] as const) {
      await withServer(
        { secondPublisher },
        async (server) => {
          const ann = await publish(server, 'key', 'ann');
          await units(server, 2);
          ann.socket.destroy();
          await gone(server);
          const from = server.reports.length;
          const bob = await RtmpClient.publish(server.port(), `key?token=${tokenOf('bob')}`);
          if (secondPublisher === 'refuse') {
            assert.equal((await bob.status())?.code, 'NetStream.Publish.BadName');
            await bob.end();
            // One stream at a time is allowed, and it is this one.
            const again = await publish(server, 'key', 'ann');
            await units(server, 4, from);
            again.command(1, 'closeStream', 0, null);
            const { units: all } = await server.report('body', from);
            assert.equal(all.length, 4);
          } else {
            await started(bob);
            assert.equal((await server.report('aborted', from)).code, 'STREAM_KEY_TAKEN');
            bob.socket.destroy();
          }
        },
        auth,
      );
    }
  },
);

test('a takeover by the same publisher goes on with the stream', TIMEOUT, () =>
  withServer({ secondPublisher: 'takeover' }, async (server) => {
    const first = await publish(server, 'key');
    await units(server, 2);
    const second = await publish(server, 'key');
    const told = await first.status(1);
    assert.equal(told?.code, 'NetStream.Publish.BadName');
    await first.end();
    await units(server, 4);
    second.command(1, 'closeStream', 0, null);
    const { units: all } = await server.report('body');
    assert.deepEqual(
      all.map(({ id }) => id),
      [0, 1, 2, 3],
    );
    second.socket.end();
    await server.server.free();
  }),
);

test('a stream that fails while its publisher is gone waits no more', TIMEOUT, () =>
  withServer(
    {},
    async (server) => {
      const client = await publish(server, 'key');
      await units(server, 2);
      client.socket.destroy();
      await gone(server);
      server.killWorker();
      await server.server.free();
      const { failedTotal } = server.server.server.stats().ingress.transports.rtmp ?? {};
      assert.equal((failedTotal?.NO_WORKER ?? 0) + (failedTotal?.WORKER_DIED ?? 0), 1);
      assert.equal(waiting(server), 0);
    },
    { limits: { noWorkerTimeoutMs: 4000 } },
  ),
);

test('a full lane while the publisher changes: nothing is lost', TIMEOUT, () =>
  withServer({ secondPublisher: 'takeover' }, async (server) => {
    const first = await publish(server, 'key');
    await units(server, 2);
    server.suspendWorker();
    const frames = 60;
    for (let i = 0; i < frames; i++) first.frame(80 + i * 40, false, nal(0x41, 2 ** 16));
    const full = () => server.server.server.segment.native.streams()[0]?.lanes[0]?.full ?? false;
    await until(full, 'the lane to be full');
    // Nobody reads the connection now, so nobody sees that it breaks.
    first.socket.destroy();
    const second = await publish(server, 'key');
    server.resumeWorker();
    second.command(1, 'closeStream', 0, null);
    const { units: all } = await server.report('body');
    assert.deepEqual(
      all.map(({ id }) => id),
      all.map((_, index) => index),
    );
    assert.deepEqual(
      all.slice(-2).map(({ key }) => key),
      [true, false],
    );
    second.socket.end();
    await server.server.free();
  }),
);

test('a server that stops waits for nobody', TIMEOUT, async () => {
  for (const way of ['drain', 'close'] as const) {
    await withServer({}, async (server) => {
      const client = await publish(server, 'key');
      await units(server, 2);
      client.socket.destroy();
      await gone(server);
      const { server: running } = server.server;
      if (way === 'drain') await running.drain(new AbortController().signal);
      else await running.close();
      const code = (await server.report('aborted')).code;
      assert.equal(code, way === 'drain' ? 'CLIENT_GONE' : 'SHUTTING_DOWN');
    });
  }
});
