import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { StreamType } from '../../src/protocols/access-unit/index.js';
import { random } from '../support/lossy-network.js';
import { decodeVideo, toneShare, unitsOf, writeIvf, writeOgg } from '../support/media-files.js';
import { startMediaServer } from '../support/media-server.js';
import { testWith } from '../support/program.js';
import type { RtmpServer } from '../support/rtmp.js';
import { throughRelay, type UdpRelay } from '../support/udp-relay.js';
import { until } from '../support/until.js';
import { CHROMIUM } from './chromium.js';
import { launchMediaBrowser, openMediaPage, TONE_HZ } from './media-page.js';

const TIMEOUT_MS = 240_000;
const FRAMES = 60;

let server: RtmpServer;
let browser: Browser | undefined;

before(async () => {
  const limits = { noWorkerTimeoutMs: 10_000 };
  server = await startMediaServer({ keyframeIntervalMs: 1000 }, { limits });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const openPage = async (): Promise<Page> => {
  browser ??= await launchMediaBrowser();
  return openMediaPage(browser, server.server.url('/no-page'));
};

/** Publishes until the worker has so many units, and returns what the worker then says of the whole. */
async function publish(page: Page, peer: string, tracks: string, units: number) {
  const from = server.reports.length;
  const begun = await page.evaluate(`(async () => {
    globalThis.told = [];
    globalThis.ended = [];
    globalThis.session = await ur.UploadSession.publish(
      '${server.server.url(`/whip/room/${peer}`)}', new MediaStream(${tracks}), {
        statsIntervalMs: 100,
        onStats: (stats) => told.push(stats),
        onEnd: (error) => ended.push(error?.code ?? 'none'),
      });
    return true;
  })()`);
  assert.ok(begun);
  const path = `/webrtc/room/${peer}`;
  const enough = () =>
    server.reports.slice(from).some((one) => one.path === path && (one.count ?? 0) >= units);
  await until(enough, `${units} units`, 120_000);
  await page.evaluate('session.close()');
  const told = (await page.evaluate('[told.at(-1), ended]')) as [
    { video?: { frames: number; bytes: number; codec: string }; audio?: { packets: number } },
    string[],
  ];
  const body = await server.report('body', from);
  assert.equal(body.path, path);
  assert.equal(body.rest, 0);
  assert.deepEqual(told[1], ['none']);
  return { body, fields: new Map(body.headers), stats: told[0] };
}

for (const codec of ['h264', 'vp8'] as const) {
  testWith(
    CHROMIUM,
    `Chromium publishes a canvas as ${codec} and a tone as Opus, and both decode`,
    async () => {
      const page = await openPage();
      if (codec === 'vp8') {
        await page.evaluate(`(() => {
          const add = RTCPeerConnection.prototype.addTransceiver;
          RTCPeerConnection.prototype.addTransceiver = function (track, options) {
            const one = add.call(this, track, options);
            const { codecs } = RTCRtpSender.getCapabilities(track.kind);
            if (track.kind === 'video') {
              one.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === 'video/VP8'));
            }
            return one;
          };
        })()`);
      }
      const units = FRAMES * 4;
      const { body, fields, stats } = await publish(page, codec, '[...picture, ...sound]', units);
      assert.equal(fields.get('x-webrtc-room'), 'room');
      assert.equal(fields.get('x-webrtc-peer-id'), codec);
      assert.equal(fields.get('x-webrtc-video-codec'), codec);
      assert.equal(fields.get('x-webrtc-audio-codec'), 'opus');
      assert.ok((stats.video?.frames ?? 0) > 0 && (stats.audio?.packets ?? 0) > 0);
      assert.match(stats.video?.codec ?? '', new RegExp(codec, 'i'));

      const video = unitsOf(body, StreamType[codec]);
      assert.ok(video.length >= FRAMES / 2, `${video.length} frames`);
      assert.equal(video[0]?.unit.key, true);
      const file = server.server.file(`chromium.${codec}`);
      if (codec === 'vp8') writeIvf(file, video);
      const path = codec === 'vp8' ? file : (body.files.find((one) => one.endsWith('-27')) ?? '');
      const decoded = await decodeVideo(path, codec === 'vp8' ? 'ivf' : 'h264');
      assert.deepEqual(decoded, { frames: video.length, complaints: '', code: 0 });

      const audio = unitsOf(body, StreamType.opus);
      const ogg = server.server.file(`chromium-${codec}.ogg`);
      writeOgg(
        ogg,
        audio.map(({ data }) => data),
      );
      const share = await toneShare(ogg, `${ogg}.pcm`, TONE_HZ);
      assert.ok(share > 0.9, `${share} of the power`);

      // What is captured together has times that lie together.
      const [first, last] = [body.units[0], body.units.at(-1)];
      const spans = [video, audio].map((list) => list.map(({ unit }) => unit.pts));
      for (const times of spans) {
        assert.ok(times.every((time, at) => at === 0 || time >= (times[at - 1] as number)));
      }
      const ends = spans.map((times) => times.at(-1) as number);
      // A busy browser's picture may stand still for a while.
      assert.ok(Math.abs((ends[0] as number) - (ends[1] as number)) < 5000, ends.join(' '));
      assert.ok((last?.pts ?? 0) > (first?.pts ?? 0));
      await page.close();
      await server.server.free();
    },
    TIMEOUT_MS,
  );
}

testWith(
  CHROMIUM,
  'a page publishes sound alone, and a picture alone',
  async () => {
    const page = await openPage();
    const sound = await publish(page, 'sound', 'sound', 50);
    assert.ok(sound.body.units.every(({ type }) => type === StreamType.opus));
    assert.equal(sound.fields.has('x-webrtc-video-codec'), false);
    const picture = await publish(page, 'picture', 'picture', 30);
    assert.ok(picture.body.units.every(({ type }) => type === StreamType.h264));
    assert.equal(picture.fields.has('x-webrtc-audio-codec'), false);
    await page.close();
    await server.server.free();
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'of what a network loses, Chromium sends again what is asked for',
  async () => {
    const page = await openPage();
    let relay: UdpRelay | undefined;
    await page.route('**/whip/**', async (route) => {
      const response = await route.fetch();
      if (route.request().method() !== 'POST') return route.fulfill({ response });
      const options = { loss: 0.05, delayMs: 5, spreadMs: 10, random: random(5) };
      const through = await throughRelay(await response.text(), options);
      relay = through.relay;
      return route.fulfill({ response, body: through.sdp });
    });
    const before = server.server.server.stats().transports.webrtc?.packets;
    const { body } = await publish(page, 'lossy', 'picture', 150);
    const video = unitsOf(body, StreamType.h264);
    const path = body.files.find((one) => one.endsWith('-27')) ?? '';
    const decoded = await decodeVideo(path, 'h264');
    assert.deepEqual(decoded, { frames: video.length, complaints: '', code: 0 });
    const now = server.server.server.stats().transports.webrtc?.packets;
    const found = (now?.lostTotal ?? 0) - (before?.lostTotal ?? 0);
    const given = (now?.droppedTotal ?? 0) - (before?.droppedTotal ?? 0);
    assert.ok((relay?.lost ?? 0) > 0 && found > given, `${found} missing, ${given} given up`);
    relay?.close();
    await page.close();
    await server.server.free();
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'a page that is closed without a word is gone for workers',
  async () => {
    const page = await openPage();
    const from = server.reports.length;
    const url = server.server.url('/whip/room/leaving');
    const publish = `ur.UploadSession.publish('${url}', new MediaStream(sound)).then(() => true)`;
    assert.ok(await page.evaluate(publish));
    await server.report('units', from);
    await page.close();
    const aborted = await server.report('aborted', from);
    assert.equal(aborted.code, 'CLIENT_GONE');
    await server.server.free();
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'a page hears that its session was ended',
  async () => {
    const page = await openPage();
    const from = server.reports.length;
    const url = server.server.url('/whip/room/ended');
    assert.ok(
      await page.evaluate(`new Promise((resolve) => {
      globalThis.end = new Promise((ended) => {
        ur.UploadSession.publish('${url}', new MediaStream(sound), { onEnd: ended }).then(resolve);
      });
    }).then(() => true)`),
    );
    await server.report('units', from);
    server.killWorker();
    assert.equal(await page.evaluate('end.then((error) => error?.code)'), 'CONNECTION_LOST');
    await page.close();
  },
  TIMEOUT_MS,
);

test('sessions are gone when they have ended', async () => {
  await until(
    () => server.server.server.stats().transports.webrtc?.connections === 0,
    'every session to be over',
  );
});
