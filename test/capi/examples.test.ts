// The C examples, compiled as their README says, with a real server and curl.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { createGunzip, gunzipSync } from 'node:zlib';
import { testWith } from '../support/program.js';
import { TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { CWorker, compile, mustRun, root } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-capi-'));
let program = '';

before(async () => {
  program = await compile(join(root, 'examples/c/gzip-worker/gzip-worker.c'), folder, ['-lz']);
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function setUp(t: TestContext) {
  const server = await TestServer.start({ workers: 0 });
  t.after(() => server.stop());
  const { native } = server.server.segment;
  const worker = CWorker.spawn(t, server.server.socket, [program, '3']);
  await until(() => native.workers().length === 2, 'the worker to attach');
  return { worker, server, url: server.url('/upload') };
}

test('the first worker of the manual is compiled and answers', { timeout: 60_000 }, async (t) => {
  const page = readFileSync(join(root, 'docs/c-sdk.md'), 'utf8');
  const source = join(folder, 'first.c');
  writeFileSync(source, /```c\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  const first = await compile(source, folder);
  const server = await TestServer.start({ workers: 0 });
  t.after(() => server.stop());
  CWorker.spawn(t, server.server.socket, [first]);
  const answer = await fetch(server.url('/upload'), { method: 'PUT', body: 'abc' });
  assert.equal(await answer.text(), '3 bytes\n');
});

testWith('curl', 'gzip-worker sends uploads back compressed', async (t) => {
  const { worker, server, url } = await setUp(t);
  const text = Buffer.from('the quick brown fox jumps over the lazy dog\n'.repeat(200_000));
  for (const [name, body] of [
    ['text', text],
    ['noise', randomBytes(5_000_000)],
    ['nothing', Buffer.alloc(0)],
    ['one', Buffer.from('x')],
  ] as const) {
    const [sent, got] = [join(folder, name), join(folder, `${name}.gz`)];
    writeFileSync(sent, body);
    const { stdout } = await mustRun('curl', [
      ...['-sS', '--upload-file', sent, '--output', got],
      ...['--write-out', '%{http_code} %{content_type}', url],
    ]);
    assert.equal(stdout, '200 application/gzip');
    assert.ok(gunzipSync(readFileSync(got)).equals(body), name);
  }
  assert.ok(readFileSync(join(folder, 'text.gz')).length < text.length / 50);
  assert.equal(await worker.stop(), 0, worker.output);
  assert.equal(worker.output, '');
  await server.free();
});

testWith('curl', 'gzip-worker answers while the upload is still being sent', async (t) => {
  const { url, worker } = await setUp(t);
  const out = request(url, { method: 'PUT' });
  out.write('first, ');
  const [message] = (await once(out, 'response')) as [IncomingMessage];
  let text = '';
  const unzipped = message.pipe(createGunzip()).on('data', (part) => (text += part));
  await until(() => text === 'first, ', 'the first part to come back');
  out.end('second');
  await once(unzipped, 'end');
  assert.equal(text, 'first, second');
  assert.equal(await worker.stop(), 0, worker.output);
});
