import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { StreamType } from '../../src/protocols/access-unit/index.js';
import { random } from '../support/lossy-network.js';
import { decodeVideo, toneShare, unitsOf, writeOgg } from '../support/media-files.js';
import { startMediaServer } from '../support/media-server.js';
import { testWith } from '../support/program.js';
import type { MediaReport, RtmpServer } from '../support/rtmp.js';
import { throughRelay, type UdpRelay } from '../support/udp-relay.js';
import { until } from '../support/until.js';
import { CHROMIUM } from './chromium.js';
import { launchMediaBrowser, openMediaPage, TONE_HZ } from './media-page.js';

const TIMEOUT_MS = 240_000;
const UNITS = 150;

let server: RtmpServer;
let browser: Browser | undefined;

before(async () => {
  const limits = { noWorkerTimeoutMs: 10_000 };
  server = await startMediaServer({ graceMs: 600_000 }, { limits });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page that keeps its connections in `peers`, and publishes by `publish(options)`. */
async function openPage(peer: string): Promise<Page> {
  browser ??= await launchMediaBrowser();
  const page = await openMediaPage(browser, server.server.url('/no-page'));
  await page.evaluate(`(() => {
    globalThis.peers = [];
    globalThis.told = [];
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(options) {
        super(options);
        peers.push(this);
      }
    };
    globalThis.publish = async (options) => {
      globalThis.session = await ur.UploadSession.publish(
        '${server.server.url(`/whip/room/${peer}`)}', new MediaStream([...picture, ...sound]),
        { ...options, onStatus: (status) => told.push(status), onEnd: (e) => told.push(e?.code ?? 'ended') });
      return true;
    };
  })()`);
  return page;
}

/** Units that the worker has by now. */
const count = (from: number): number =>
  server.reports.slice(from).findLast(({ event }) => event === 'units')?.count ?? 0;

const more = async (from: number): Promise<void> => {
  const goal = count(from) + UNITS;
  await until(() => count(from) >= goal, 'more units', 120_000);
};

/** It is one stream, and what is in it decodes over the border. */
async function check(body: MediaReport, from: number): Promise<void> {
  const opened = server.reports.slice(from).filter(({ event }) => event === 'opened');
  assert.equal(opened.length, 1);
  assert.equal(body.rest, 0);
  assert.deepEqual(
    body.units.map(({ id }) => id),
    body.units.map((_, index) => index),
  );
  const video = unitsOf(body, StreamType.h264);
  const audio = unitsOf(body, StreamType.opus);
  for (const track of [video, audio]) {
    const times = track.map(({ unit }) => unit.pts);
    assert.ok(times.every((time, at) => at === 0 || time >= (times[at - 1] as number)));
  }
  const path = body.files.find((one) => one.endsWith(`-${StreamType.h264}`)) ?? '';
  const decoded = await decodeVideo(path, 'h264');
  assert.deepEqual(decoded, { frames: video.length, complaints: '', code: 0 });
  const ogg = server.server.file(`${body.path.replaceAll('/', '-')}.ogg`);
  writeOgg(
    ogg,
    audio.map(({ data }) => data),
  );
  const share = await toneShare(ogg, `${ogg}.pcm`, TONE_HZ);
  assert.ok(share > 0.9, `${share} of the power`);
}

testWith(
  CHROMIUM,
  'a page whose connection is gone publishes again, and goes on with its stream',
  async () => {
    for (const way of ['gone', 'standing'] as const) {
      const from = server.reports.length;
      const page = await openPage(way);
      assert.ok(await page.evaluate('publish()'));
      await more(from);
      // Without a word to the server.
      if (way === 'gone') await page.evaluate('peers[0].close()');
      assert.ok(await page.evaluate('publish()'));
      await more(from);
      await page.evaluate('session.close()');
      await check(await server.report('body', from), from);
      await page.close();
      await server.server.free();
    }
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'with reconnect a page comes back by itself when its network is lost',
  async () => {
    const from = server.reports.length;
    const page = await openPage('lost');
    const relays: UdpRelay[] = [];
    await page.route('**/whip/**', async (route) => {
      const response = await route.fetch();
      if (route.request().method() !== 'POST' || relays.length > 0) {
        return route.fulfill({ response });
      }
      const options = { loss: 0, delayMs: 0, spreadMs: 0, random: random(3) };
      const through = await throughRelay(await response.text(), options);
      relays.push(through.relay);
      return route.fulfill({ response, body: through.sdp });
    });
    assert.ok(await page.evaluate('publish({ reconnect: { attempts: 20, maxDelayMs: 1000 } })'));
    await more(from);
    relays[0]?.close();
    await until(
      async () => (await page.evaluate('told.length')) === 2,
      'the page to come back',
      120_000,
    );
    await more(from);
    await page.evaluate('session.close()');
    assert.deepEqual(await page.evaluate('told'), ['reconnecting', 'connected', 'ended']);
    await check(await server.report('body', from), from);
    await page.close();
    await server.server.free();
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'a page that is refused when it comes back gives up, and hears why',
  async () => {
    const from = server.reports.length;
    const page = await openPage('refused');
    let offers = 0;
    await page.route('**/whip/**', (route) =>
      route.request().method() === 'POST' && ++offers > 1
        ? route.fulfill({ status: offers === 2 ? 503 : 403, body: '{"error":"FORBIDDEN"}' })
        : route.continue(),
    );
    assert.ok(await page.evaluate('publish({ reconnect: true })'));
    await more(from);
    server.killWorker();
    await until(
      async () => ((await page.evaluate('told')) as string[]).at(-1) === 'FORBIDDEN',
      'the page to give up',
      120_000,
    );
    assert.deepEqual(await page.evaluate('told'), ['reconnecting', 'FORBIDDEN']);
    assert.equal(offers, 3);
    await page.close();
  },
  TIMEOUT_MS,
);
