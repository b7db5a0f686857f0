import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AmfObject } from '../../../src/protocols/amf0/index.js';
import { MessageType } from '../../../src/protocols/rtmp/index.js';
import { type RtmpServer, withRtmpServer } from '../../support/rtmp.js';
import { AVC_CONFIG, RtmpClient } from '../../support/rtmp-client.js';

const TIMEOUT = { timeout: 120_000 };
const ON = { multitrack: true };
const FRAME = Buffer.from('0000000165', 'hex');
const OTHER_CONFIG = Buffer.from('014d401fffe1000467112233010002 6844'.replace(' ', ''), 'hex');
const AAC_CONFIG = Buffer.from('1210', 'hex');

const published = async (server: RtmpServer): Promise<RtmpClient> => {
  const client = await RtmpClient.publish(server.port(), 'key');
  assert.equal((await client.status())?.code, 'NetStream.Publish.Start');
  return client;
};

/** A message of one track. */
const send = (client: RtmpClient, at: number, first: string, track: number, data: Buffer): void => {
  const head = Buffer.from(first, 'hex');
  const audio = head[0] === 0x95;
  const fourCc = Buffer.from(audio ? 'mp4a' : 'avc1');
  const payload = Buffer.concat([head, fourCc, Buffer.from([track]), data]);
  client.send(audio ? MessageType.audio : MessageType.video, 1, at, payload);
};

async function capsOf(server: RtmpServer, asked: AmfObject): Promise<unknown> {
  const client = await RtmpClient.connect(server.port());
  await client.shakeHands();
  client.command(0, 'connect', 1, { app: 'live', ...asked });
  const [, , , information] = await client.answer('_result', 1);
  client.socket.destroy();
  return (information as AmfObject).capsEx;
}

test('off: it is not announced, and who sends it is told what is off', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    assert.equal(await capsOf(server, { capsEx: 15 }), 1);
    for (const [first, data] of [
      ['9600', AVC_CONFIG],
      ['9500', AAC_CONFIG],
    ] as const) {
      const client = await published(server);
      client.config();
      send(client, 0, first, 1, data);
      const { code, description } = (await client.status(1)) ?? {};
      assert.deepEqual([code, description], ['NetStream.Publish.Failed', '415 MULTITRACK_OFF']);
      await client.end();
    }
    assert.equal(server.stats.refusedTotal.MULTITRACK_OFF, 2);
  }),
);

test('on: units have their tracks, and the head has their configurations', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    assert.equal(await capsOf(server, { capsEx: 15 }), 3);
    assert.equal(await capsOf(server, {}), undefined);
    const client = await published(server);
    client.config();
    send(client, 0, '9600', 2, OTHER_CONFIG);
    client.send(MessageType.audio, 1, 0, Buffer.concat([Buffer.from('af00', 'hex'), AAC_CONFIG]));
    send(client, 0, '9500', 1, AAC_CONFIG);
    client.frame(0, true, Buffer.alloc(1000, 0x65));
    send(client, 0, '9603', 2, FRAME);
    send(client, 10, '9501', 1, Buffer.alloc(40));
    client.frame(40, false, Buffer.alloc(500, 0x41));
    client.command(0, 'deleteStream', 7, null, 1);
    const { headers, units } = await server.report('body');
    client.socket.end();
    const fields = new Map(headers);
    assert.equal(fields.get('x-rtmp-video-config'), AVC_CONFIG.toString('base64'));
    assert.equal(fields.get('x-rtmp-video-config-2'), OTHER_CONFIG.toString('base64'));
    assert.equal(fields.get('x-rtmp-audio-config'), AAC_CONFIG.toString('base64'));
    assert.equal(fields.get('x-rtmp-audio-config-1'), AAC_CONFIG.toString('base64'));
    assert.deepEqual(
      units.map(({ type, track, key, id, dts }) => [type, track, key, id, dts]),
      [
        [0x1b, 0, true, 0, 0],
        [0x1b, 2, true, 1, 0],
        [0x0f, 1, false, 2, 10],
        [0x1b, 0, false, 3, 40],
      ],
    );
    // Of the default tracks.
    const counted = server.server.server.ingress.stats().transports.rtmp?.media;
    assert.deepEqual([counted?.unitsTotal.h264, counted?.unitsTotal.aac], [2, 0]);
  }, ON),
);

test('tracks that are not valid or not taken: an error of its own for each', TIMEOUT, () =>
  withRtmpServer(async (server) => {
    const many = (track: string, size: string) =>
      Buffer.from(`9611 61766331 ${track} ${size} 000000 00000001 65`.replaceAll(' ', ''), 'hex');
    const bad: readonly [Buffer, string][] = [
      [many('00', '000009'), '422 MEDIA_INVALID'],
      [many('00', '000002'), '422 MEDIA_INVALID'],
      [many('80', '000008'), '422 TRACK_ID_TOO_LARGE'],
      [Buffer.from('963161766331', 'hex'), '415 MEDIA_UNSUPPORTED'],
      [Buffer.from('961661766331', 'hex'), '422 MEDIA_INVALID'],
    ];
    for (const [payload, what] of bad) {
      const client = await published(server);
      client.config();
      client.send(MessageType.video, 1, 0, payload);
      assert.equal((await client.status(1))?.description, what, payload.toString('hex'));
      await client.end();
    }
    const client = await published(server);
    for (let track = 0; track <= 16; track++) send(client, 0, '9600', track, AVC_CONFIG);
    assert.equal((await client.status(1))?.description, '422 TOO_MANY_TRACKS');
    await client.end();
  }, ON),
);

test('a publisher that comes back goes on with a keyframe of each track', TIMEOUT, () =>
  withRtmpServer(
    async (server) => {
      const begin = async () => {
        const client = await published(server);
        client.config();
        send(client, 0, '9600', 1, OTHER_CONFIG);
        return client;
      };
      const first = await begin();
      first.frame(0, true, Buffer.alloc(100, 0x65));
      send(first, 0, '9603', 1, FRAME);
      await server.report('units');
      first.socket.destroy();

      const second = await begin();
      second.frame(0, true, Buffer.alloc(100, 0x65));
      send(second, 0, 'a603', 1, FRAME);
      send(second, 40, '9603', 1, FRAME);
      send(second, 80, 'a603', 1, FRAME);
      second.command(0, 'deleteStream', 7, null, 1);
      const { units } = await server.report('body');
      second.socket.end();
      const before = units.findLastIndex(({ track, key }) => track === 0 && key);
      assert.deepEqual(
        units.slice(before).map(({ track, key }) => [track, key]),
        [
          [0, true],
          [1, true],
          [1, false],
        ],
      );
      assert.deepEqual(
        units.map(({ id }) => id),
        units.map((_, id) => id),
      );
      assert.equal(server.reports.filter(({ event }) => event === 'opened').length, 1);
    },
    { ...ON, graceMs: 600_000, secondPublisher: 'takeover' },
  ),
);
