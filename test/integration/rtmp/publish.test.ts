import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { writeAmf0 } from '../../../src/protocols/amf0/index.js';
import { MessageType } from '../../../src/protocols/rtmp/index.js';
import { accessUnits, attach, type Observation } from '../../../src/worker/index.js';
import { RtmpServer } from '../../support/rtmp.js';
import { AVC_CONFIG, AVC_SETS, RtmpClient } from '../../support/rtmp-client.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 120_000 };
const START_CODE = Buffer.from([0, 0, 0, 1]);

let server: RtmpServer;
before(async () => {
  server = await RtmpServer.start();
});
after(() => server.stop());

const nal = (type: number, size: number) => Buffer.alloc(size, type);

async function end(client: RtmpClient): Promise<void> {
  client.command(0, 'FCUnpublish', 6, null, 'key');
  client.command(0, 'deleteStream', 7, null, 1);
  client.socket.end();
  await client.end();
}

test('the commands of OBS, and a head with the tracks', TIMEOUT, async () => {
  const from = server.reports.length;
  const client = await RtmpClient.publish(server.port(), 'key', 'live');
  assert.equal((await client.status())?.code, 'NetStream.Publish.Start');
  const facts = writeAmf0('@setDataFrame', 'onMetaData', { width: 1280, encoder: 'söme' });
  client.send(MessageType.dataAmf0, 1, 0, facts);
  client.config();
  client.frame(0, true, nal(0x65, 10_000));
  client.frame(40, false, nal(0x41, 5000), 80);
  await end(client);

  const body = await server.report('body', from);
  const fields = new Map(body.headers);
  assert.equal(body.path, '/rtmp/live/key');
  assert.equal(fields.get('x-rtmp-video-config'), AVC_CONFIG.toString('base64'));
  assert.deepEqual(JSON.parse(fields.get('x-rtmp-metadata') ?? ''), {
    width: 1280,
    encoder: 'söme',
  });
  assert.deepEqual(
    body.units.map(({ type, key, id, dts, pts }) => ({ type, key, id, dts, pts })),
    [
      { type: 0x1b, key: true, id: 0, dts: 0, pts: 0 },
      { type: 0x1b, key: false, id: 1, dts: 40, pts: 120 },
    ],
  );
  const expected = [AVC_SETS, START_CODE, nal(0x65, 10_000), START_CODE, nal(0x41, 5000)];
  assert.deepEqual(readFileSync(body.files[0] as string), Buffer.concat(expected));
  await server.server.free();
});

test('a unit reaches the worker before the next one is sent', TIMEOUT, async () => {
  const from = server.reports.length;
  const client = await RtmpClient.publish(server.port(), 'key');
  await client.status();
  client.config();
  client.frame(0, true, nal(0x65, 20));
  await server.report('units', from);
  await end(client);
  await server.report('body', from);
});

test('times that wrap, jump back and come with a negative offset', TIMEOUT, async () => {
  const from = server.reports.length;
  const client = await RtmpClient.publish(server.port(), 'key');
  await client.status();
  client.config();
  client.frame(0xfffffff0, true, nal(0x65, 9000));
  client.frame(24, false, nal(0x41, 9000), -20);
  client.frame(4, false, nal(0x41, 10));
  await end(client);
  const { units } = await server.report('body', from);
  assert.deepEqual(
    units.map(({ dts, pts }) => [dts, pts]),
    [
      [0xfffffff0, 0xfffffff0],
      [2 ** 32 + 24, 2 ** 32 + 4],
      [2 ** 32 + 4, 2 ** 32 + 4],
    ],
  );
});

test('a connection that breaks aborts the stream; the key is free again', TIMEOUT, async () => {
  for (let round = 0; round < 2; round++) {
    const from = server.reports.length;
    const client = await RtmpClient.publish(server.port(), 'broken');
    assert.equal((await client.status())?.code, 'NetStream.Publish.Start');
    client.config();
    client.frame(0, true, nal(0x65, 20));
    await server.report('opened', from);
    client.socket.destroy();
    assert.equal((await server.report('aborted', from)).code, 'CLIENT_GONE');
    await server.server.free();
  }
});

test('several publications one after the other on one connection', TIMEOUT, async () => {
  const client = await RtmpClient.publish(server.port(), 'first');
  await client.status();
  for (const [round, key] of ['first', 'second'].entries()) {
    const from = server.reports.length;
    if (round > 0) {
      client.command(1, 'publish', 9, null, key, 'live');
      assert.equal((await client.status(2))?.code, 'NetStream.Publish.Start');
    }
    client.config();
    client.frame(0, true, nal(0x65, 20));
    client.command(1, 'closeStream', 0, null);
    assert.equal((await server.report('body', from)).path, `/rtmp/live/${key}`);
  }
  client.socket.end();
  await client.end();
  await server.server.free();
});

test('a late worker has the head and begins with the newest keyframe', TIMEOUT, async () => {
  // The observer takes any stream that it finds.
  await server.server.free();
  const client = await RtmpClient.publish(server.port(), 'late');
  client.config();
  for (let i = 0; i < 3; i++) {
    client.frame(i * 80, true, nal(0x65, 2000));
    client.frame(i * 80 + 40, false, nal(0x41, 500 + i));
  }
  // Each report says how many units there are by now.
  const seen = () =>
    server.reports.some(({ path, count = 0 }) => path === '/rtmp/live/late' && count >= 6);
  await until(seen, 'six units');
  const { socket } = server.server.server;
  const observer = await attach({ socket, observer: true, from: 'keyframe' });
  try {
    const late = (await observer[Symbol.asyncIterator]().next()).value as Observation;
    const ids: number[] = [];
    for await (const unit of accessUnits(late.request.body)) {
      ids.push(unit.id);
      if (ids.length === 1) assert.ok(unit.key);
      if (ids.length === 2) client.frame(240, false, nal(0x41, 700));
      if (ids.length === 3) break;
    }
    assert.equal(late.request.path, '/rtmp/live/late');
    assert.deepEqual(ids, [4, 5, 6]);
  } finally {
    await observer.stop({ deadlineMs: 0 });
  }
  await end(client);
  await server.server.free();
});
