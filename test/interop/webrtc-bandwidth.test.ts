import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startMediaServer } from '../support/media-server.js';
import { testWith } from '../support/program.js';
import type { RtmpServer } from '../support/rtmp.js';
import { until } from '../support/until.js';
import { CHROMIUM } from './chromium.js';
import { launchMediaBrowser, openMediaPage } from './media-page.js';

const TIMEOUT_MS = 240_000;
const CAP_KBPS = 600;
/** Without a limit, Chromium comes far beyond this one meanwhile. */
const WATCHED = 40;
const LOOK_INTERVAL_MS = 500;

/** What the page notes while it publishes. */
interface Look {
  readonly bytes: number;
  readonly atMs: number;
  /** Bits per second. */
  readonly estimate: number;
}

let server: RtmpServer;
let browser: Browser | undefined;

before(async () => {
  const limits = { minRateBytesPerSecond: 0 };
  server = await startMediaServer({ maxBitrateKbps: CAP_KBPS }, { limits });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A picture that takes whatever bit rate there is, published as `session`. */
async function publishNoise(page: Page, peer: string): Promise<void> {
  await page.evaluate(`(async () => {
    const [width, height] = [640, 480];
    const noise = new ImageData(width, height);
    for (let at = 0; at < noise.data.length; at++) {
      noise.data[at] = at % 4 === 3 ? 255 : Math.random() * 255;
    }
    const canvas = () => Object.assign(document.createElement('canvas'), { width, height });
    const [still, moving] = [canvas(), canvas()];
    still.getContext('2d').putImageData(noise, 0, 0);
    const context = moving.getContext('2d');
    setInterval(() => {
      const [x, y] = [Math.random() * width, Math.random() * height];
      for (const [left, top] of [[0, 0], [width, 0], [0, height], [width, height]]) {
        context.drawImage(still, left - x, top - y);
      }
    }, 66);
    globalThis.moving = moving;
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...args) {
        super(...args);
        globalThis.connection = this;
      }
    };
    globalThis.session = await ur.UploadSession.publish(
      '${server.server.url(`/whip/room/${peer}`)}',
      new MediaStream(moving.captureStream(15).getTracks()));
    globalThis.looks = [];
    setInterval(async () => {
      const all = [...(await connection.getStats()).values()];
      const { bytesSent, timestamp } = all.find(({ type }) => type === 'outbound-rtp') ?? {};
      const pair = all.find(({ type, nominated }) => type === 'candidate-pair' && nominated);
      const estimate = pair?.availableOutgoingBitrate;
      if (bytesSent && estimate) looks.push({ bytes: bytesSent, atMs: timestamp, estimate });
    }, ${LOOK_INTERVAL_MS});
  })()`);
}

testWith(
  CHROMIUM,
  'Chromium sends no more than it is told that it may',
  async (context) => {
    browser ??= await launchMediaBrowser();
    const page = await openMediaPage(browser, server.server.url('/no-page'));
    const from = server.reports.length;
    await publishNoise(page, 'noise');
    const cap = CAP_KBPS * 1000;
    const agreed = await page.evaluate('connection.currentRemoteDescription.sdp');
    for (const feedback of ['goog-remb', 'transport-cc']) {
      assert.match(String(agreed), new RegExp(`^a=rtcp-fb:\\d+ ${feedback}\\r$`, 'm'));
    }
    const looks = async () => (await page.evaluate('looks')) as Look[];
    const isTold = async () => (await looks()).some(({ estimate }) => estimate === cap);
    await until(isTold, 'the estimate to be what it was told', 120_000);
    const begun = (await looks()).findIndex(({ estimate }) => estimate === cap);
    const watched = async () => (await looks()).length - begun > WATCHED;
    await until(watched, 'what it sends then', 120_000);
    const all = (await looks()).slice(begun);
    const [first, last] = [all[0], all.at(-1)] as [Look, Look];
    assert.deepEqual(
      all.filter(({ estimate }) => estimate > cap),
      [],
    );
    const rate = ((last.bytes - first.bytes) * 8000) / (last.atMs - first.atMs);
    context.diagnostic(`${Math.round(rate / 1000)} kbit/s sent`);
    // Encoders miss their rate, but not by what Chromium would send without a limit.
    assert.ok(rate > 0 && rate <= cap * 1.5, `${rate} bit/s sent`);
    await page.evaluate('session.close()');
    const body = await server.report('body', from);
    assert.equal(body.rest, 0);
    await page.close();
    await server.server.free();
  },
  TIMEOUT_MS,
);
