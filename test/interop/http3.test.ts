import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { PATIENT } from '../support/patience.js';
import { testWith } from '../support/program.js';
import { TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { CHROMIUM, launchChromium } from './chromium.js';

const MB = 2 ** 20;
const TIMEOUT_MS = 120_000;
/** What a page knows of how something was loaded. */
interface Hop {
  readonly nextHopProtocol: string;
}

/** An empty page of the server's own, which a worker serves. */
const PAGE = '/upload/status?code=200&h.content-type=text/html&body=page';

let server: TestServer;
let browser: Browser | undefined;

before(async () => {
  server = await TestServer.start({
    ...PATIENT,
    // The one address at which Chromium reaches the engine.
    transports: {
      http3: {
        enabled: true,
        port: 0,
        host: '0.0.0.0',
        budgetBytes: 16 * MB,
        streamBudgetBytes: 16 * MB,
      },
    },
  });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Chromium takes no certificate for QUIC but one whose key it was told. */
function keyHash(): string {
  const { publicKey } = new X509Certificate(readFileSync(server.file('cert.pem')));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64');
}

/** A page that was itself loaded over HTTP/3: `force`, or after the hint of Alt-Svc. */
async function openPage(force: boolean): Promise<Page> {
  const port = server.port('https', 'http3');
  await browser?.close();
  browser = await launchChromium(
    [
      `--ignore-certificate-errors-spki-list=${keyHash()}`,
      // It also lets QUIC take certificates that no public authority has signed, for every port.
      `--origin-to-force-quic-on=127.0.0.1:${force ? port : 1}`,
    ],
    { quic: true },
  );
  const page = await browser.newPage();
  const origin = `https://127.0.0.1:${force ? port : server.port('https')}`;
  await page.goto(`${origin}${PAGE}`);
  return page;
}

const protocolOf = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const [entry] = performance.getEntriesByType('navigation' as 'resource');
    return (entry as unknown as Hop).nextHopProtocol;
  });

testWith(
  CHROMIUM,
  'Chromium uploads 20 MB over HTTP/3, and its bytes arrive',
  async () => {
    const page = await openPage(true);
    assert.equal(await protocolOf(page), 'h3');
    const { sent, seen, protocol } = await page.evaluate(async () => {
      const body = new Uint8Array(20_000_003);
      for (let at = 0; at < body.length; at += 65_536) {
        crypto.getRandomValues(body.subarray(at, at + 65_536));
      }
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
      const response = await fetch('/upload/hash', { method: 'POST', body });
      const [entry] = performance.getEntriesByType('resource').slice(-1);
      return {
        sent: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
        seen: (await response.json()) as { sha256: string; bytes: number },
        protocol: (entry as unknown as Hop).nextHopProtocol,
      };
    });
    assert.equal(protocol, 'h3');
    assert.deepEqual([seen.bytes, seen.sha256], [20_000_003, sent]);
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'Chromium is held back by workers that are slower than it, with many uploads at once',
  async () => {
    const page = await openPage(true);
    const results = await page.evaluate(async () => {
      const init = { method: 'POST', body: new Uint8Array(5_000_000) };
      const sent = Array.from({ length: 6 }, () => fetch('/upload/slow?ms=1', init));
      const responses = await Promise.all(sent);
      const answers = await Promise.all(responses.map((response) => response.json()));
      return (answers as { bytes: number }[]).map(
        ({ bytes }, i) => `${responses[i]?.status} ${bytes}`,
      );
    });
    assert.deepEqual([...new Set(results)], ['200 5000000']);
    assert.ok(server.server.ingress.stats().waitingBytes <= 16 * MB);
    await server.free();
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'Chromium reads an answer while it is written, and its abort ends the work',
  async () => {
    const page = await openPage(true);
    const from = server.worker.reports.length;
    const first = await page.evaluate(async () => {
      const abort = new AbortController();
      Object.assign(globalThis, { abort });
      const { signal } = abort;
      const init = { method: 'POST', body: new Uint8Array(100_000), signal };
      const response = await fetch(`/upload/bytes?n=${10 ** 12}`, init);
      const { value } = (await response.body?.getReader().read()) ?? {};
      return new TextDecoder().decode(value?.subarray(0, 3));
    });
    assert.equal(first, 'aaa');
    await page.evaluate(() => (globalThis as unknown as { abort: AbortController }).abort.abort());
    const { abort } = await server.worker.report('failed', from);
    assert.equal(abort, 'CLIENT_GONE');
    await server.free();
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'Chromium aborts an upload, and the worker knows',
  async () => {
    const page = await openPage(true);
    const devtools = await page.context().newCDPSession(page);
    const uploadThroughput = 200_000;
    const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput };
    await devtools.send('Network.emulateNetworkConditions', conditions);
    const from = server.worker.reports.length;
    await page.evaluate(() => {
      const abort = new AbortController();
      Object.assign(globalThis, { abort });
      // Half a minute long.
      const init = { method: 'POST', body: new Uint8Array(6_000_000), signal: abort.signal };
      void fetch('/upload/hash', init).catch(() => {});
    });
    await server.worker.report('reading', from);
    await page.evaluate(() => (globalThis as unknown as { abort: AbortController }).abort.abort());
    const { abort } = await server.worker.report('failed', from);
    assert.equal(abort, 'CLIENT_GONE');
    await server.free();
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'Chromium learns an error’s code and remedy: a stream has no length',
  async () => {
    const page = await openPage(true);
    const { status, error } = await page.evaluate(async () => {
      const body = new Blob(['a body whose length nobody says']).stream();
      const init = { method: 'POST', body, duplex: 'half' };
      const response = await fetch('/upload/hash', init as RequestInit);
      const answer = (await response.json()) as { error: string };
      return { status: response.status, error: answer.error };
    });
    assert.deepEqual([status, error], [411, 'LENGTH_REQUIRED']);
  },
  TIMEOUT_MS,
);

testWith(
  CHROMIUM,
  'Chromium finds HTTP/3 by the Alt-Svc of a response over HTTP/2',
  async () => {
    const page = await openPage(false);
    assert.equal(await protocolOf(page), 'h2');
    const upload = () =>
      page.evaluate(async () => {
        performance.clearResourceTimings();
        const response = await fetch('/upload/hash', { method: 'POST', body: 'by and by' });
        await response.text();
        const [entry] = performance.getEntriesByType('resource').slice(-1);
        return (entry as unknown as Hop).nextHopProtocol;
      });
    // It tries the other place beside the known one, and goes there once it is there.
    await until(async () => (await upload()) === 'h3', 'an upload over HTTP/3', 60_000);
  },
  TIMEOUT_MS,
);
