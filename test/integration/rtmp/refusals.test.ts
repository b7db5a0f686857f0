import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { hashChosenToken } from '../../../src/admission/index.js';
import { MessageType } from '../../../src/protocols/rtmp/index.js';
import { withRtmpServer } from '../../support/rtmp.js';
import { PING, RtmpClient } from '../../support/rtmp-client.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 120_000 };

const refusal = async (client: RtmpClient, from = 0) => {
  const status = await client.status(from);
  await client.end();
  return [status?.level, status?.code, status?.description];
};

test('a second publisher is refused, and the first goes on', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    const first = await RtmpClient.publish(server.port(), 'key');
    await first.status();
    const second = await RtmpClient.publish(server.port(), 'key');
    assert.deepEqual(await refusal(second), [
      'error',
      'NetStream.Publish.BadName',
      '409 STREAM_KEY_BUSY',
    ]);
    first.config();
    first.frame(0, true, Buffer.alloc(20, 0x65));
    first.command(0, 'deleteStream', 7, null, 1);
    assert.equal((await server.report('body')).units.length, 1);
    first.socket.end();
    assert.equal(server.stats.refusedTotal.STREAM_KEY_BUSY, 1);
  }),
);

test('takeover: the first publisher and its worker are told', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const first = await RtmpClient.publish(server.port(), 'key');
      await first.status();
      first.config();
      first.frame(0, true, Buffer.alloc(20, 0x65));
      await server.report('opened');
      const second = await RtmpClient.publish(server.port(), 'key');
      assert.equal((await second.status())?.code, 'NetStream.Publish.Start');
      assert.equal((await refusal(first, 1))[2], '409 STREAM_KEY_TAKEN');
      assert.equal((await server.report('aborted')).code, 'STREAM_KEY_TAKEN');
      second.socket.destroy();
    },
    { secondPublisher: 'takeover' },
  ),
);

test('a wrong key, and no secret in the log', TIMEOUT, async () => {
  const hash = await hashChosenToken('the-right-key');
  const tokens = [{ name: 'studio', hash, permissions: [{ action: 'publish' as const }] }];
  await withRtmpServer(
    async (server) => {
      const wrong = await RtmpClient.publish(server.port(), 'a-wrong-key?token=another-secret');
      const [level, code] = await refusal(wrong);
      assert.deepEqual([level, code], ['error', 'NetStream.Publish.Unauthorized']);
      const right = await RtmpClient.publish(server.port(), 'the-right-key');
      assert.equal((await right.status())?.code, 'NetStream.Publish.Start');
      right.socket.destroy();
      const log = server.server.log.join('\n');
      for (const secret of ['a-wrong-key', 'another-secret', 'the-right-key']) {
        assert.ok(!log.includes(secret));
      }
    },
    {},
    { auth: { tokens } },
  );
});

test('media that is not valid, or not supported, or too large', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const bad: readonly [Buffer, string][] = [
        [Buffer.from('1700000000 02'.replace(' ', ''), 'hex'), '422 MEDIA_INVALID'],
        [Buffer.from('1200000000', 'hex'), '415 MEDIA_UNSUPPORTED'],
        [Buffer.concat([Buffer.from('9076703038', 'hex')]), '415 MEDIA_UNSUPPORTED'],
        [Buffer.alloc(70_000, 0x17), '413 RTMP_MESSAGE_TOO_LARGE'],
      ];
      for (const [payload, what] of bad) {
        const client = await RtmpClient.publish(server.port(), 'key');
        await client.status();
        client.send(MessageType.video, 1, 0, payload);
        assert.deepEqual(await refusal(client, 1), ['error', 'NetStream.Publish.Failed', what]);
      }
      const client = await RtmpClient.publish(server.port(), 'key');
      await client.status();
      client.config();
      client.frame(0, true, Buffer.alloc(20, 0x65));
      await server.report('opened');
      client.send(
        MessageType.video,
        1,
        0,
        Buffer.from('1701000000 000000ff 65'.replaceAll(' ', ''), 'hex'),
      );
      assert.equal((await refusal(client, 1))[2], '422 MEDIA_INVALID');
      assert.equal((await server.report('aborted')).code, 'MEDIA_INVALID');
    },
    { maxMessageBytes: 65_536 },
  ),
);

test('garbage', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    const garbage = await RtmpClient.connect(server.port());
    garbage.socket.write('GET / HTTP/1.1\r\n\r\n');
    await garbage.end();
    const broken = await RtmpClient.connect(server.port());
    await broken.shakeHands();
    broken.socket.write(Buffer.alloc(100, 0xff));
    await broken.end();
    const early = await RtmpClient.connect(server.port());
    await early.shakeHands();
    early.command(0, 'createStream', 1, null);
    await early.end();
    assert.deepEqual(server.stats.refusedTotal, { RTMP_HANDSHAKE: 1, RTMP_PROTOCOL: 2 });
  }),
);

test('half a handshake', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const half = await RtmpClient.connect(server.port());
      half.socket.write(Buffer.alloc(1000, 3));
      await half.end();
      assert.deepEqual(server.stats.refusedTotal, { RTMP_TIMEOUT: 1 });
    },
    { publishTimeoutMs: 500 },
  ),
);

const pingsOf = ({ messages }: RtmpClient): number =>
  messages.filter(
    ({ type, payload }) => type === MessageType.userControl && payload.readUInt16BE(0) === PING,
  ).length;

const TIMED_OUT = ['error', 'NetStream.Publish.Failed', '408 RTMP_TIMEOUT'];

test('a publisher that falls silent is pinged, then cut off', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const client = await RtmpClient.publish(server.port(), 'key');
      client.silent = true;
      assert.deepEqual(await refusal(client, 1), TIMED_OUT);
      assert.equal(pingsOf(client), 1);
    },
    { idleTimeoutMs: 1000 },
  ),
);

test('nobody is cut off unasked by a server that stood still', TIMEOUT, () => {
  const idleTimeoutMs = 1000;
  return withRtmpServer(
    async (server) => {
      const client = await RtmpClient.publish(server.port(), 'key');
      await until(() => pingsOf(client) > 0, 'a ping');
      client.silent = true;
      const answered = pingsOf(client);
      // The server sees the answer, and asks again later than this.
      await delay(0.35 * idleTimeoutMs);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * idleTimeoutMs);
      assert.deepEqual(await refusal(client, 1), TIMED_OUT);
      assert.equal(pingsOf(client), answered + 1);
    },
    { idleTimeoutMs },
  );
});

test('a publisher that answers pings stays, however little it sends', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const client = await RtmpClient.publish(server.port(), 'key');
      await until(() => pingsOf(client) >= 4, 'pings');
      client.config();
      client.frame(0, true, Buffer.alloc(20, 0x65));
      client.command(0, 'deleteStream', 7, null, 1);
      assert.equal((await server.report('body')).units.length, 1);
      client.socket.end();
    },
    { idleTimeoutMs: 1000 },
  ),
);

test('draining: a new publication is refused, one that runs may end', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    const running = await RtmpClient.publish(server.port(), 'key');
    await running.status();
    running.config();
    running.frame(0, true, Buffer.alloc(20, 0x65));
    await server.report('opened');
    const idle = await RtmpClient.connect(server.port());
    await idle.shakeHands();
    const drained = server.server.server.drain(new AbortController().signal);
    await idle.end();
    running.frame(40, false, Buffer.alloc(20, 0x41));
    running.command(0, 'deleteStream', 7, null, 1);
    assert.equal((await server.report('body')).units.length, 2);
    await running.end();
    await drained;
  }),
);

test('a worker that dies: the publisher is told', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const client = await RtmpClient.publish(server.port(), 'key');
      await client.status();
      client.config();
      client.frame(0, true, Buffer.alloc(20, 0x65));
      await server.report('opened');
      // More than the ring holds, so that no other worker could begin again.
      for (let i = 0; i < 40; i++) client.frame(i, false, Buffer.alloc(100_000, 0x41));
      await until(() => server.reports.some(({ event }) => event === 'units'), 'units to be read');
      server.killWorker();
      const [level, code] = await refusal(client, 1);
      assert.deepEqual([level, code], ['error', 'NetStream.Publish.Failed']);
    },
    {},
    { limits: { noWorkerTimeoutMs: 4000 } },
  ),
);
