// What the page shows for browsers, in a page of https://app.example that Chromium has opened, with a
// server that it takes for https://upload.example.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Page as BrowserPage } from 'playwright-core';
import { createToken } from '../../../src/admission/index.js';
import { StreamType } from '../../../src/protocols/access-unit/index.js';
import { decodeVideo, unitsOf } from '../../support/media-files.js';
import { testWith } from '../../support/program.js';
import type { MediaReport } from '../../support/rtmp.js';
import type { SrtBody } from '../../support/srt.js';
import { until } from '../../support/until.js';
import { CHROMIUM, launchChromium } from '../chromium.js';
import { pageOf } from './page.js';
import { PageServer } from './page-server.js';

const TIMEOUT_MS = 240_000;
const UNITS = 150;
const CLOSE = 'await live.close();\n';
const page = pageOf('webrtc.md');
const [upload = '', publish = ''] = page.blocks('js');
const [importLine = ''] = upload.split('\n');
const { token, hash } = createToken();

/** Runs `use` in a page that has the module of the package beside it and `code` as a script. */
async function inBrowser(
  worker: 'bytes' | 'media',
  code: string,
  use: (tab: BrowserPage, server: PageServer, printed: string[]) => Promise<void>,
): Promise<void> {
  const [yaml = ''] = page.blocks('yaml');
  const server = await PageServer.start({
    yaml: yaml.replace('sha256:...', hash).replace('203.0.113.5', '127.0.0.1'),
    ports: { 8443: 'http1 https' },
    worker,
  });
  const site = siteOf(server, code);
  await once(site.listen(0, '127.0.0.1'), 'listening');
  const hosts = { upload: server.port(8443), app: (site.address() as AddressInfo).port };
  const rules = Object.entries(hosts).map(
    ([name, port]) => `MAP ${name}.example:443 127.0.0.1:${port}`,
  );
  const browser = await launchChromium([
    `--host-resolver-rules=${rules.join(',')}`,
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
  ]);
  try {
    const tab = await browser.newPage();
    const printed: string[] = [];
    tab.on('console', (message) => printed.push(message.text()));
    tab.on('pageerror', (error) => printed.push(`error: ${error.message}`));
    await tab.goto('https://app.example/');
    await use(tab, server, printed);
  } finally {
    await browser.close();
    site.closeAllConnections();
    site.close();
    await server.stop();
  }
}

function siteOf(server: PageServer, code: string): Server {
  const given = `globalThis.token = '${token}'; globalThis.file = new Blob(['x'.repeat(500000)]);`;
  const start = `<script>${given}</script><script type="module" src="/snippet.js"></script>`;
  const files: Record<string, [string, string | Buffer]> = {
    '/': ['text/html', start],
    '/snippet.js': ['text/javascript', `${code}\nglobalThis.done = true;`],
    '/upload-response.js': [
      'text/javascript',
      readFileSync(new URL('../../../sdk/browser/upload-response.js', import.meta.url)),
    ],
  };
  const pair = {
    cert: readFileSync(server.file('cert.pem')),
    key: readFileSync(server.file('key.pem')),
  };
  return createServer(pair, (request, response) => {
    const [type, content] = files[request.url ?? ''] ?? ['text/plain', ''];
    response.setHeader('content-type', type).end(content);
  });
}

async function untilDone(tab: BrowserPage, printed: readonly string[]): Promise<void> {
  const over = async () =>
    printed.some((line) => line.startsWith('error')) ||
    Boolean(await tab.evaluate('globalThis.done'));
  await until(over, 'the snippet to end', 120_000);
  assert.deepEqual(
    printed.filter((line) => line.startsWith('error')),
    [],
  );
}

testWith(
  CHROMIUM,
  'webrtc.md: upload in a page',
  () =>
    inBrowser('bytes', upload, async (tab, server, printed) => {
      await untilDone(tab, printed);
      const sha256 = createHash('sha256').update('x'.repeat(500_000)).digest('hex');
      assert.equal((await server.report<SrtBody>('body')).sha256, sha256);
      const last = printed.at(-1) ?? '';
      assert.match(last, /^200 /);
      assert.equal(JSON.parse(last.slice(4)).sha256, sha256);
    }),
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'webrtc.md: publish camera and microphone of a page',
  () => {
    assert.ok(publish.endsWith(CLOSE));
    const code = `${importLine}\n${publish.replace(CLOSE, 'globalThis.live = live;')}`;
    return inBrowser('media', code, async (tab, server, printed) => {
      await untilDone(tab, printed);
      const enough = () =>
        server.reports.some((one) => 'count' in one && Number(one.count) >= UNITS);
      await until(enough, `${UNITS} units`, 120_000);
      await tab.evaluate(`(async () => { ${CLOSE} })()`);
      const body = await server.report<MediaReport>('body');
      assert.match(body.path, /^\/webrtc\/room\//);
      const video = unitsOf(body, StreamType.h264);
      const file = body.files.find((one) => one.endsWith(`-${StreamType.h264}`)) ?? '';
      const decodes = await decodeVideo(file, 'h264');
      assert.deepEqual(decodes, { frames: video.length, complaints: '', code: 0 });
      assert.ok(unitsOf(body, StreamType.opus).length > 0);
      assert.equal(printed.at(-1), 'ended');
    });
  },
  TIMEOUT_MS,
);

test('webrtc.md names the version of the engine that is tested', () => {
  const { devDependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { devDependencies: Record<string, string> };
  const [, version = '?'] =
    /^npm install node-datachannel@(\S+)/.exec(page.commands[0] ?? '') ?? [];
  assert.match(devDependencies['node-datachannel'] ?? '', new RegExp(`^\\D?${version}\\b`));
});
