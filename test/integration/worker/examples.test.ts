import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const bounded = { timeout: 240_000 };
const folder = fileURLToPath(new URL('../../../examples/', import.meta.url));
const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function setUp(t: TestContext, options: TestServerOptions = {}) {
  const server = await TestServer.start({ ...options, workers: 0 });
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    }
    await server.stop();
  });
  /** Runs `node` with these arguments as users do, and waits until it is attached. */
  const run = async (...args: string[]) => {
    const { native } = server.server.segment;
    const before = native.workers().length;
    const child = spawn(process.execPath, args, {
      env: { ...process.env, UR_SOCKET: server.server.socket, NODE_TEST_CONTEXT: undefined },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    let errors = '';
    child.stderr.on('data', (text) => (errors += text));
    await until(() => {
      assert.equal(child.exitCode, null, errors);
      return native.workers().length > before;
    }, 'the example to attach');
    return { child, errors: () => errors };
  };
  return { server, run, url: (path = '') => server.url(`/upload${path}`) };
}

const put = (url: string, body: string | Uint8Array) => fetch(url, { method: 'PUT', body });

test(
  'checksum-worker answers with size and hash, alone and by the command line',
  bounded,
  async (t) => {
    const { server, run, url } = await setUp(t);
    const body = randomBytes(1_000_000);
    const expected = { sha256: sha256(body), size: body.length };
    const { child } = await run(`${folder}checksum-worker.mjs`);
    assert.deepEqual(await (await put(url(), body)).json(), expected);
    child.kill('SIGKILL');
    await until(() => server.server.segment.native.workers().length === 1, 'it to be gone');
    await run(cli, 'worker', `${folder}checksum-worker.mjs`, '--socket', server.server.socket);
    assert.deepEqual(await (await put(url(), body)).json(), expected);
  },
);

test('sniff-worker tells the type before the rest of the upload has come', bounded, async (t) => {
  const { run, url } = await setUp(t);
  await run(`${folder}sniff-worker.mjs`);
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(100_000)]);
  const out = request(url(), { method: 'PUT' });
  out.write(png.subarray(0, 3));
  out.write(png.subarray(3, 50));
  const [answer] = (await once(out, 'response')) as [IncomingMessage];
  const [first] = await once(answer, 'data');
  assert.deepEqual(JSON.parse(String(first)), { type: 'image/png' });
  out.end(png.subarray(50));
  const [last] = await once(answer, 'data');
  assert.deepEqual(JSON.parse(String(last)), { sha256: sha256(png), size: png.length });
  const empty = await (await put(url(), '')).text();
  assert.match(empty, /^\{"type":"application\/octet-stream"\}\n\{"sha256":"e3b0c442/);
});

test('demo-worker answers while the upload is still being sent', bounded, async (t) => {
  const { run, server, url } = await setUp(t);
  await run(cli, 'worker', `${folder}demo-worker.mjs`, '--socket', server.server.socket);
  const out = request(url(), { method: 'PUT' });
  const body = randomBytes(500_000);
  out.write(body.subarray(0, 1000));
  const [message] = (await once(out, 'response')) as [IncomingMessage];
  const [first] = (await once(message, 'data')) as [Buffer];
  assert.match(first.toString(), /reads PUT while it arrives/);
  let text = first.toString();
  message.on('data', (part) => (text += part));
  out.end(body.subarray(1000));
  await once(message, 'end');
  assert.match(text, new RegExp(`sha256 ${sha256(body)}\nsize   500000\n$`));
});

test('echo-worker sends the body back', bounded, async (t) => {
  const { run, url } = await setUp(t);
  const { child, errors } = await run(`${folder}echo-worker.mjs`);
  const body = randomBytes(200_000);
  const answer = await put(url(), body);
  assert.equal(sha256(new Uint8Array(await answer.arrayBuffer())), sha256(body));
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.match(errors(), /200000 bytes echoed/);
});

test('hono-worker runs by the command line', bounded, async (t) => {
  const { run, server, url } = await setUp(t);
  await run(cli, 'worker', `${folder}hono-worker.mjs`, '--socket', server.server.socket);
  const body = randomBytes(300_000);
  const answer = await put(url('/x'), body);
  const expected = { path: '/upload/x', sha256: sha256(body), size: body.length };
  assert.deepEqual(await answer.json(), expected);
  assert.equal((await fetch(url())).status, 200);
  assert.equal((await put(`${url()}?none`, 'x')).status, 200);
});

test('scan-observer vetoes, also across chunks', bounded, async (t) => {
  const { run, url } = await setUp(t, { segment: { requiredObservers: ['scan'] } });
  await run(`${folder}checksum-worker.mjs`);
  await run(`${folder}scan-observer.mjs`, 'needle');
  const hay = Buffer.alloc(65_536 * 4, '.');
  assert.equal((await put(url(), hay)).status, 200);
  for (const at of [0, 65_533, 65_536 * 4 - 6]) {
    const body = Buffer.from(hay);
    body.write('needle', at);
    assert.equal((await put(url(), body)).status, 422);
  }
});

test('every example is tested here and listed in its README', () => {
  const readme = readFileSync(`${folder}README.md`, 'utf8');
  const python = new URL('../control/python.test.ts', import.meta.url);
  const tests = [import.meta.url, python].map((url) => readFileSync(fileURLToPath(url), 'utf8'));
  for (const name of readdirSync(folder).filter((file) => /\.(mjs|py)$/.test(file))) {
    assert.ok(readme.includes(`[${name}](${name})`), name);
    assert.ok(tests.join('').match(`[{/]?(folder}|examples/)${name}`), name);
  }
});
