import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { sample, sha256 } from '../conformance/tools.js';
import { PATIENT } from '../support/patience.js';
import { runProgram, testWith } from '../support/program.js';
import { TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { CHROMIUM, launchChromium } from './chromium.js';

const SIZE = 20_000_003;
const docs = readFileSync(new URL('../../docs/transports/websocket.md', import.meta.url), 'utf8');

/** The clients of the documentation, as they stand there. */
const [nodeClient = '', pageClient = ''] = [...docs.matchAll(/```js\n([\s\S]*?)```/g)].map(
  ([, code]) => code,
);

let server: TestServer;
/** Says soon that there is no worker. */
let impatient: TestServer;
let browser: Browser | undefined;
/** Serves an empty page of another host. */
let elsewhere: Server;

before(async () => {
  server = await TestServer.start(PATIENT);
  impatient = await TestServer.start({ limits: { noWorkerTimeoutMs: 300 } });
  elsewhere = createServer((_request, response) => response.end('elsewhere'));
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await impatient?.stop();
  elsewhere?.closeAllConnections();
  elsewhere?.close();
});

/** A page of this address, in which the documentation's client can be called. */
async function openPage(url: string): Promise<Page> {
  browser ??= await launchChromium();
  const page = await browser.newPage();
  await page.goto(url);
  await page.addScriptTag({ content: pageClient });
  // Bytes that repeat nowhere near a slot's size, as `sample` of the tests makes them.
  await page.addScriptTag({ content: `const sample = ${sample.toString()}` });
  return page;
}

const pageOf = (scheme: 'http' | 'https' = 'http') => server.url('/no-upload', scheme);

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Runs the documentation's `upload` in the page. */
const uploadIn = (page: Page, size: number, url: string) =>
  page.evaluate(
    `upload(new Blob([sample(${size})]), '${url}')
      .then(async (answer) => ({ status: answer.status, text: await answer.text() }))`,
  ) as Promise<Answer>;

test('the documentation’s client in Node.js', async () => {
  const script = server.file('upload.mjs');
  const file = server.file('big.bin');
  const body = sample(SIZE);
  writeFileSync(script, nodeClient.replace("'ws'", `'${import.meta.resolve('ws')}'`));
  writeFileSync(file, body);
  const { stdout, stderr, code } = await runProgram(process.execPath, [
    script,
    file,
    server.url('/upload/hash', 'ws'),
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /"status":200/);
  assert.equal(JSON.parse(stdout).sha256, sha256(body));
  const failed = await runProgram(process.execPath, [
    script,
    file,
    impatient.url('/upload/nobody', 'ws'),
  ]);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /1013 503 NO_WORKER/);
  await server.free();
});

testWith('curl', 'curl that offers HTTP/2 without TLS is served over HTTP/1.1', async () => {
  const file = server.file('offered.bin');
  writeFileSync(file, sample(1_000_000));
  const format = '\n%{http_version} %{response_code}';
  const { stdout } = await runProgram('curl', [
    ...['--silent', '--http2', '--write-out', format, '--upload-file', file],
    server.url('/upload/hash'),
  ]);
  const [body = '', status] = stdout.split('\n');
  assert.equal(JSON.parse(body).sha256, sha256(sample(1_000_000)));
  assert.equal(status, '1.1 200');
});

for (const scheme of ['http', 'https'] as const) {
  testWith(CHROMIUM, `a page of Chromium uploads and reads, over ${scheme}`, async () => {
    const page = await openPage(pageOf(scheme));
    const url = server.url('/upload', scheme === 'http' ? 'ws' : 'wss');
    const { status, text } = await uploadIn(page, SIZE, `${url}/hash`);
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).sha256, sha256(sample(SIZE)));
    const echo = await uploadIn(page, 300_000, `${url}/echo`);
    assert.equal(echo.status, 200);
    const none = await uploadIn(page, 10, `${url}/status?code=404&body=sorry`);
    assert.deepEqual(none, { status: 404, text: 'sorry' });
    await page.close();
    await server.free();
  });
}

testWith(CHROMIUM, 'a page sees why an upload failed', async () => {
  const page = await openPage(pageOf());
  await assert.rejects(
    uploadIn(page, 10, impatient.url('/upload/nobody', 'ws')),
    /1013 503 NO_WORKER: /,
  );
  await assert.rejects(
    uploadIn(page, 10, server.url('/upload/fail?head=20', 'ws')),
    /1011 502 WORKER_FAILED: /,
  );
  const text = await page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket('${server.url('/upload/hash', 'ws')}');
    socket.onopen = () => socket.send('text');
    socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason.slice(0, 16), wasClean]);
  })`);
  assert.deepEqual(text, [1003, '415 TEXT_REFUSED', true]);
  await page.close();
});

testWith(CHROMIUM, 'a page that fires its upload and closes learns that it was done', async () => {
  const page = await openPage(pageOf());
  const close = (path: string) =>
    page.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket('${server.url(path, 'ws')}');
      socket.onopen = () => {
        socket.send(new Blob([sample(500000)]));
        socket.close();
      };
      socket.onclose = ({ code, wasClean }) => resolve([code, wasClean]);
    })`);
  assert.deepEqual(await close('/upload/hash'), [1000, true]);
  assert.deepEqual(await close('/upload/fail'), [1011, true]);
  await page.close();
});

testWith(CHROMIUM, 'a page that is left gives its upload up', async () => {
  const page = await openPage(pageOf());
  const reports = server.worker.reports.length;
  await page.evaluate(`new Promise((resolve) => {
    globalThis.socket = new WebSocket('${server.url('/upload/silent', 'ws')}');
    socket.onopen = () => resolve(socket.send(new Blob([sample(1000)])));
  })`);
  await server.worker.report('reading', reports);
  await page.goto('about:blank');
  assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  await page.close();
});

testWith(CHROMIUM, 'a page sends several uploads on one connection', async () => {
  const page = await openPage(pageOf());
  const said = (await page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket('${server.url('/upload/hash', 'ws')}', 'upload-response.v1');
    const said = [];
    socket.onopen = () => {
      for (const size of [1, 100000, 0]) {
        socket.send(JSON.stringify({ type: 'open', length: size }));
        if (size > 0) socket.send(sample(size));
        socket.send(JSON.stringify({ type: 'end' }));
      }
    };
    socket.onmessage = async ({ data }) => {
      said.push(typeof data === 'string' ? JSON.parse(data).type : data.text());
      if (said.filter((one) => one === 'end').length === 3) socket.close(1000);
    };
    socket.onclose = async ({ code }) => resolve([...(await Promise.all(said)), code]);
  })`)) as (string | number)[];
  const hashes = said.filter((one) => String(one).startsWith('{'));
  assert.deepEqual(
    hashes.map((text) => JSON.parse(String(text)).sha256),
    [1, 100_000, 0].map((size) => sha256(sample(size))),
  );
  assert.equal(said.at(-1), 1000);
  await page.close();
  await server.free();
});

testWith(
  CHROMIUM,
  'a page of another host is refused, and let in where it is allowed',
  async () => {
    const origin = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    const page = await openPage(origin);
    const refused = () => server.server.stats().transports.websocket?.refusedTotal.ORIGIN_REFUSED;
    await assert.rejects(uploadIn(page, 10, server.url('/upload/hash', 'ws')), /1006/);
    await until(() => refused() === 1, 'the refusal to be counted');
    const open = await TestServer.start({ transports: { websocket: { origins: [origin] } } });
    try {
      assert.equal((await uploadIn(page, 10, open.url('/upload/hash', 'ws'))).status, 200);
    } finally {
      await open.stop();
    }
    await page.close();
  },
);
