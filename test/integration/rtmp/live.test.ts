import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { MessageType } from '../../../src/protocols/rtmp/index.js';
import { accessUnits, attach, type Observation, type Worker } from '../../../src/worker/index.js';
import { runProgram, testWith } from '../../support/program.js';
import { RtmpServer } from '../../support/rtmp.js';
import { RtmpClient } from '../../support/rtmp-client.js';
import { until, within } from '../../support/until.js';

const TIMEOUT = { timeout: 240_000 };
const VIDEO = 0x1b;
const LATE_FRAMES = 40;

const next = async (worker: Worker<Observation>): Promise<Observation> =>
  (await worker[Symbol.asyncIterator]().next()).value as Observation;

const unitsOf = (server: RtmpServer): number =>
  Math.max(0, ...server.reports.map(({ count = 0 }) => count));

testWith(
  'ffmpeg',
  'a late worker begins with the newest keyframe, and what it reads decodes from there',
  async () => {
    // A live stream does not wait for its observers: as many slots as units come while this process stands.
    const pools = [{ name: 'uploads', streams: 1, requestSlots: 512, responseSlots: 4 }];
    const server = await RtmpServer.start({}, { segment: { pools } });
    const url = `rtmp://127.0.0.1:${server.port()}/live/key`;
    const source = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=50'];
    const codec = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '30'];
    const args = ['-v', 'error', ...source, ...codec, '-pix_fmt', 'yuv420p', '-f', 'flv', url];
    let ffmpeg: ChildProcess | undefined;
    let observer: Worker<Observation> | undefined;
    try {
      ffmpeg = spawn('ffmpeg', args, { stdio: ['ignore', 'inherit', 'inherit'] });
      // More than two groups of pictures have gone by.
      await until(() => unitsOf(server) >= 70, 'the stream to be under way', 120_000);
      const { socket } = server.server.server;
      observer = await attach({ socket, observer: true, from: 'keyframe' });
      const late = await within(next(observer), 'the late one to be given the stream', 120_000);
      const units: { type: number; id: number; key: boolean; data: Uint8Array }[] = [];
      await late.run(async ({ request }) => {
        for await (const unit of accessUnits(request.body)) {
          const { streamType: type, id, key } = unit;
          if (units.push({ type, id, key, data: unit.copy() }) === LATE_FRAMES) break;
        }
      });
      assert.equal(units.length, LATE_FRAMES);
      assert.ok(units[0]?.key && units.every(({ type }) => type === VIDEO));
      const ids = units.map(({ id }) => id);
      const [first = 0] = ids;
      assert.ok(first >= 30, `it began with unit ${first}`);
      assert.deepEqual(
        ids,
        ids.map((_, i) => first + i),
      );
      const file = server.server.file('late.h264');
      writeFileSync(file, Buffer.concat(units.map(({ data }) => data)));
      const format = ['-f', 'h264', '-i', file, '-f', 'framemd5', '-'];
      const { stdout, stderr, code } = await runProgram('ffmpeg', ['-v', 'error', ...format]);
      assert.deepEqual([code, stderr], [0, '']);
      const decoded = stdout.split('\n').filter((line) => /^\d/.test(line));
      assert.equal(decoded.length, LATE_FRAMES);
    } finally {
      ffmpeg?.kill('SIGKILL');
      await server.stop();
      await observer?.stop();
    }
  },
  TIMEOUT.timeout,
);

test('a slow observer is evicted and reported, and nobody else notices', TIMEOUT, async () => {
  // A publisher that had to wait for an eviction in its time would wait for ever.
  const server = await RtmpServer.start({}, { limits: { evictAfterMs: 2 ** 31 - 1 } });
  const { socket } = server.server.server;
  const observer = await attach({ socket, observer: true, name: 'the-slow-one' });
  try {
    const client = await RtmpClient.publish(server.port(), 'key');
    await client.status();
    client.config();
    client.frame(0, true, Buffer.alloc(1000, 0x65));
    const slow = await within(next(observer), 'the observer to be given the stream');
    const units = accessUnits(slow.request.body);
    assert.equal((await units.next()).done, false);
    const frames = 100;
    for (let i = 1; i < frames; i++) {
      client.frame(i * 40, i % 25 === 0, Buffer.alloc(1000, i % 25 === 0 ? 0x65 : 0x41));
      // Each frame is read before the next one is sent: whoever is evicted costs nobody anything.
      await until(() => unitsOf(server) > i, `frame ${i} to be read`);
      assert.equal(server.server.server.stats().ingress.waitingBytes, 0);
    }
    const [facts] = server.server.server.ingress.facts().values();
    assert.equal(facts?.evictions, 1);
    assert.match(facts?.evicted[0] ?? '', /^the-slow-one#\d+ \(pid \d+\)$/);
    assert.equal(server.server.server.stats().ingress.evictionsTotal, 1);
    await assert.rejects(
      async () => {
        for await (const _ of { [Symbol.asyncIterator]: () => units });
      },
      { code: 'EVICTED' },
    );
    assert.equal(client.messages.length > 0 && client.closed, false);
    client.command(1, 'closeStream', 0, null);
    const body = await server.report('body');
    assert.equal(body.units.length, frames);
    assert.deepEqual([facts?.media?.dropped, facts?.media?.video?.units], [0, frames]);
    client.socket.end();
  } finally {
    await server.stop();
    await observer.stop();
  }
});

test(
  'quiet audio is not held back: each unit is there before the next is sent',
  TIMEOUT,
  async () => {
    const server = await RtmpServer.start();
    try {
      const client = await RtmpClient.publish(server.port(), 'key');
      await client.status();
      client.send(MessageType.audio, 1, 0, Buffer.from('af001210', 'hex'));
      for (let i = 0; i < 100; i++) {
        const frame = Buffer.concat([Buffer.from([0xaf, 1]), Buffer.alloc(40 + i, i)]);
        client.send(MessageType.audio, 1, i * 23, frame);
        await until(() => unitsOf(server) > i, `unit ${i}`);
      }
      client.command(1, 'closeStream', 0, null);
      const { units } = await server.report('body');
      assert.deepEqual(
        units.map(({ type, size }) => [type, size]),
        units.map((_, i) => [0x0f, 47 + i]),
      );
      assert.equal(units.length, 100);
      client.socket.end();
      await server.server.free();
    } finally {
      await server.stop();
    }
  },
);

test(
  'what a connection publishes next is not counted for what it has published',
  TIMEOUT,
  async () => {
    const server = await RtmpServer.start();
    try {
      server.suspendWorker();
      const client = await RtmpClient.publish(server.port(), 'first');
      await client.status();
      client.config();
      for (let i = 0; i < 3; i++) client.frame(i * 40, i === 0, Buffer.alloc(1000, 0x65));
      client.command(1, 'closeStream', 0, null);
      client.command(1, 'publish', 9, null, 'second', 'live');
      client.config();
      client.frame(0, true, Buffer.alloc(500, 0x65));
      const { ingress } = server.server.server;
      const units = () =>
        [...ingress.facts().values()].map(({ media }) => media?.video?.units ?? 0);
      await until(() => units().length === 2 && units().every((one) => one > 0), 'both streams');
      assert.deepEqual(units().sort(), [1, 3]);
      server.resumeWorker();
      client.command(1, 'closeStream', 0, null);
      await server.server.free();
      assert.equal(ingress.stats().transports.rtmp?.media?.unitsTotal.h264, 4);
      client.socket.end();
    } finally {
      await server.stop();
    }
  },
);
