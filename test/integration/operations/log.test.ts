// What `serve` logs: one line for each stream, and never a secret.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { createToken, signUploadUrl } from '../../../src/admission/index.js';
import { Scrape } from '../../support/prometheus.js';
import { RawClient } from '../../support/raw-client.js';
import { endAll, fixture, TestServer, temporaryFolder, until } from '../cli/support.js';

const folder = temporaryFolder();
afterEach(endAll);
after(() => folder.remove());

const KEYS = [
  ...['level', 'time', 'pid', 'hostname', 'process', 'name', 'stream', 'transport', 'subject'],
  ...['method', 'path', 'outcome', 'error', 'status', 'receivedBytes', 'sentBytes', 'requestMs'],
  ...['firstWorkerByteMs', 'headMs', 'totalMs', 'attempts', 'worker', 'msg'],
];

type Line = Record<string, unknown>;

/** The log so far: every line of it is JSON. */
function linesOf(server: TestServer): Line[] {
  const text = server.events.stderr;
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

const streamsOf = (server: TestServer): Line[] =>
  linesOf(server).filter(({ msg }) => msg === 'stream ended');

async function untilStreams(server: TestServer, count: number): Promise<Line[]> {
  await until(`${count} lines`, () => streamsOf(server).length >= count);
  return streamsOf(server);
}

const portOf = ({ listening }: TestServer): number => listening.addresses[0]?.port as number;

describe('the log', () => {
  test('has one line for each stream at its end', async () => {
    const args = ['--worker', fixture('echo.mjs'), '--log-level', 'info'];
    const server = await TestServer.start(folder.path, args);
    await server.events.next('worker-started');
    const sent = await fetch(`${server.url()}/a/b?x=y`, { method: 'PUT', body: 'twelve bytes' });
    const answer = await sent.text();
    const [done] = await untilStreams(server, 1);
    assert.deepEqual(Object.keys(done as Line).sort(), [...KEYS].sort());
    const { time, pid, hostname, stream, ...rest } = done as Line;
    for (const one of [time, pid, stream]) assert.equal(typeof one, 'number');
    assert.equal(typeof hostname, 'string');
    const { requestMs, firstWorkerByteMs, headMs, totalMs, ...fixed } = rest;
    const times = [requestMs, firstWorkerByteMs, headMs, totalMs] as number[];
    for (const one of times) assert.ok(one > 0 && one <= (totalMs as number), JSON.stringify(rest));
    assert.deepEqual(fixed, {
      level: 30,
      process: 'server',
      name: 'upload-response',
      transport: 'http1',
      subject: null,
      method: 'PUT',
      path: '/upload/a/b?…',
      outcome: 'completed',
      error: null,
      status: 200,
      receivedBytes: 12,
      sentBytes: answer.length,
      attempts: 1,
      worker: 'echo',
      msg: 'stream ended',
    });
    assert.equal(await server.stop(), 0);
    assert.equal(streamsOf(server).length, 1);
  });

  test('says why a stream failed', async () => {
    const args = ['--log-level', 'info', '--limits.no-worker-timeout-ms', '2s'];
    const server = await TestServer.start(folder.path, args);
    const none = await fetch(server.url(), { method: 'PUT', body: 'x' });
    assert.equal(none.status, 503);
    const client = await RawClient.connect(portOf(server));
    client.head('POST /upload', 'content-length: 100');
    client.send('some');
    client.destroy();
    const [first, second] = await untilStreams(server, 2);
    for (const line of [first, second])
      assert.deepEqual(Object.keys(line ?? {}).sort(), [...KEYS].sort());
    const { outcome, error, status, worker, headMs, firstWorkerByteMs } = first as Line;
    assert.deepEqual([outcome, status], ['NO_WORKER', 503]);
    assert.deepEqual([worker, headMs, firstWorkerByteMs], [null, null, null]);
    assert.match(error as string, /no worker/);
    assert.equal(second?.outcome, 'CLIENT_GONE');
    assert.deepEqual([second?.status, second?.requestMs], [null, null]);
    assert.equal(await server.stop(), 0);
  });

  test('can do without the lines of streams', async () => {
    const args = ['--worker', fixture('echo.mjs'), '--log-level', 'info', '--log.streams', 'false'];
    const server = await TestServer.start(folder.path, args);
    assert.equal((await fetch(server.url(), { method: 'PUT', body: 'x' })).status, 200);
    assert.equal(await server.stop(), 0);
    assert.deepEqual(streamsOf(server), []);
    assert.ok(linesOf(server).length > 0);
  });

  test('never holds a secret, nor do the metrics', async () => {
    const [good, scraper] = [createToken(), createToken()];
    const signing = 'signing-secret-'.repeat(4);
    const config = join(folder.path, 'auth.yaml');
    const permissions = [{ action: 'metrics', path: '' }];
    writeFileSync(
      config,
      JSON.stringify({
        // Then nothing is withheld from workers, and the paths that are logged have it all.
        auth: {
          forwardCredentials: true,
          tokens: [
            { name: 'sender', hash: good.hash },
            { name: 'scraper', hash: scraper.hash, permissions },
          ],
          signedUrls: { keys: [{ id: 'k1', secret: signing }] },
        },
      }),
    );
    const args = ['--config', config, '--worker', fixture('echo.mjs'), '--log-level', 'trace'];
    const server = await TestServer.start(folder.path, args);
    const base = server.url();
    const metricsUrl = base.replace('/upload', '/metrics');
    const wrong = 'ur_wrong-token-that-nobody-knows';
    const password = Buffer.from(`sender:${good.token}`).toString('base64');
    const expires = new Date(Date.now() + 60_000);
    const signed = signUploadUrl({ url: `${base}/s`, keyId: 'k1', secret: signing, expires });
    const signature = new URL(signed).searchParams.get('ur-signature') as string;
    const put = async (url: string, authorization?: string): Promise<number> => {
      const headers: Record<string, string> = authorization ? { authorization } : {};
      const response = await fetch(url, { method: 'PUT', body: 'x', headers });
      await response.arrayBuffer();
      return response.status;
    };
    assert.equal(await put(base, `Bearer ${good.token}`), 200);
    assert.equal(await put(base, `Basic ${password}`), 200);
    assert.equal(await put(`${base}?token=${good.token}&a=b`), 200);
    assert.equal(await put(signed), 200);
    assert.equal(await put(signed.replace(/ur-signature=./, 'ur-signature=_')), 403);
    assert.equal(await put(base, `Bearer ${wrong}`), 401);
    assert.equal(await put(`${base}?token=${wrong}`), 401);
    const metrics = async (token?: string) => {
      const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
      const response = await fetch(metricsUrl, { headers });
      return { status: response.status, text: await response.text() };
    };
    assert.equal((await metrics()).status, 401);
    assert.equal((await metrics(wrong)).status, 401);
    assert.equal((await metrics(good.token)).status, 403);
    const { status, text } = await metrics(scraper.token);
    assert.equal(status, 200);
    const refused = (transport: string, code: string) =>
      new Scrape(text).sum('uploadresponse_requests_refused_total', { transport, code });
    assert.equal(refused('admin', 'UNAUTHENTICATED'), 1);
    assert.equal(refused('admin', 'INVALID_CREDENTIALS'), 1);
    assert.equal(refused('admin', 'FORBIDDEN'), 1);
    assert.equal(refused('http1', 'INVALID_CREDENTIALS'), 2);
    assert.equal(refused('http1', 'INVALID_SIGNATURE'), 1);
    // A head that cannot be parsed, with the token in it.
    const client = await RawClient.connect(portOf(server));
    client.send(
      `PUT /upload?token=${good.token} HTTP/1.1\r\nauthorization: Bearer ${good.token}\r\n`,
    );
    client.send('no header\r\n\r\n');
    assert.equal((await client.response()).status, 400);
    for (const path of ['/healthz', '/readyz']) {
      assert.equal((await fetch(base.replace('/upload', path))).status, 200);
    }
    const lines = await untilStreams(server, 4);
    const subjects = lines.map(({ subject }) => subject);
    assert.deepEqual(subjects, ['sender', 'sender', 'sender', 'key:k1']);
    assert.equal(await server.stop(), 0);
    const shown = `${server.events.stderr}\n${text}`;
    const secrets = [good.token, good.hash, scraper.token, scraper.hash, wrong, password];
    for (const secret of [...secrets, signing, signature, signature.slice(1)]) {
      assert.ok(!shown.includes(secret), secret);
    }
  });
});
