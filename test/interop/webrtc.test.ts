import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { sample, sha256 } from '../conformance/tools.js';
import { PATIENT } from '../support/patience.js';
import { testWith } from '../support/program.js';
import { TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { CHROMIUM, launchChromium } from './chromium.js';

const module = readFileSync(new URL('../../sdk/browser/upload-response.js', import.meta.url));
const CHUNK = 1_000_003;
const CHUNKS = 200;

const webrtc = { enabled: true, origins: ['*'] };

let server: TestServer;
let browser: Browser | undefined;

before(async () => {
  server = await TestServer.start({ ...PATIENT, transports: { webrtc } });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A page that has the module of the package as `ur`. */
async function openPage(): Promise<Page> {
  browser ??= await launchChromium();
  const page = await browser.newPage();
  await page.goto(server.url('/no-page'));
  const url = `data:text/javascript;base64,${module.toString('base64')}`;
  await page.evaluate(`import('${url}').then((module) => { globalThis.ur = module; })`);
  await page.addScriptTag({ content: `const sample = ${sample.toString()}` });
  return page;
}

const gone = () =>
  until(
    () => server.server.stats().transports.webrtc?.connections === 0,
    'every session to be over',
  );

testWith(
  CHROMIUM,
  'a page of Chromium uploads 200 MB over a data channel, and hears of its progress',
  async () => {
    const page = await openPage();
    const { text, status, progress } = (await page.evaluate(`(async () => {
      const session = await ur.UploadSession.connect('${server.url('/whip/room/hash')}');
      const part = sample(${CHUNK});
      const body = new Blob(Array.from({ length: ${CHUNKS} }, () => part));
      const progress = [];
      const answer = await session.upload(body, {
        onProgress: ({ sentBytes, totalBytes }) => progress.push(sentBytes / totalBytes),
      });
      const text = await answer.text();
      await session.close();
      return { text, status: answer.status, progress: [progress[0], progress.at(-1)] };
    })()`)) as { text: string; status: number; progress: number[] };
    assert.equal(status, 200);
    const part = sample(CHUNK);
    assert.equal(JSON.parse(text).sha256, sha256(...Array.from({ length: CHUNKS }, () => part)));
    const [first = 1, last = 0] = progress;
    assert.ok(first < 0.01 && last > 0.9, `${first} to ${last}`);
    await page.close();
    await server.free();
    await gone();
  },
  300_000,
);

testWith(CHROMIUM, 'a page uploads several bodies at once, and reads its answers', async () => {
  const page = await openPage();
  const texts = (await page.evaluate(`(async () => {
    const session = await ur.UploadSession.connect('${server.url('/whip/room/echo')}');
    const bodies = [sample(300000), sample(10), sample(0)];
    const answers = await Promise.all(bodies.map((body) => session.upload(body)));
    const sizes = await Promise.all(answers.map(async (one) => (await one.arrayBuffer()).byteLength));
    await session.close();
    return sizes;
  })()`)) as number[];
  assert.deepEqual(texts, [300_000, 10, 0]);
  await page.close();
  await gone();
});

testWith(CHROMIUM, 'a page sees why an upload failed, and can give one up', async (context) => {
  const limits = { noWorkerTimeoutMs: 300 };
  const impatient = await TestServer.start({ limits, transports: { webrtc } });
  context.after(() => impatient.stop());
  const page = await openPage();
  const codes = await page.evaluate(`(async () => {
    const failure = (promise) => promise.then(() => 'none', ({ code, name }) => code ?? name);
    const connect = (peer) => ur.UploadSession.connect('${server.url('/whip/room/')}' + peer);
    const nobody = await ur.UploadSession.connect('${impatient.url('/whip/room/nobody')}');
    const none = await failure(nobody.upload(sample(10)));
    await nobody.close();
    const name = await failure(connect('not%20a%20name'));
    const silent = await connect('silent');
    const stop = new AbortController();
    const given = failure(silent.upload(sample(1000), {
      signal: stop.signal, onProgress: () => stop.abort(),
    }));
    const up = (await given) !== 'none';
    await silent.close();
    return [none, name, up];
  })()`);
  assert.deepEqual(codes, ['NO_WORKER', 'BAD_REQUEST', true]);
  await page.close();
  await server.free();
  await gone();
});
