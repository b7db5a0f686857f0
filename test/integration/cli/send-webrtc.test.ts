import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { sample, sha256 } from '../../conformance/tools.js';
import { TestServer } from '../../support/test-server.js';
import { endAll, finish, run, start, temporaryFolder } from './support.js';

const folder = temporaryFolder();
const file = join(folder.path, 'body.bin');
const body = sample(3_000_007);
const token = createToken();
const env = { T: token.token };
let server: TestServer;

before(async () => {
  writeFileSync(file, body);
  server = await TestServer.start({
    auth: { tokens: [{ name: 'good', hash: token.hash }] },
    limits: { noWorkerTimeoutMs: 4000 },
    transports: { webrtc: { enabled: true, windowBytes: 262_144 } },
  });
});
after(async () => {
  await endAll();
  await server?.stop();
  folder.remove();
});

const send = (what: string, to: string, args: readonly string[] = [], options = {}) =>
  run(['send', '-q', what, to, '--token', 'env:T', ...args], { env, ...options });
const whip = (behaviour: string) => server.url(`/whip/room/${behaviour}`).replace('http', 'whip');

describe('send over a data channel of WebRTC', () => {
  it('sends a file and prints the answer', async () => {
    const { code, stdout, stderr } = await send(file, whip('hash'));
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).sha256, sha256(body));
  });

  it('sends standard input, and fields', async () => {
    const hashed = await send('-', whip('hash'), [], { input: Buffer.from(body) });
    assert.equal(JSON.parse(hashed.stdout).sha256, sha256(body));
    const head = await send('-', whip('head'), ['-H', 'X-One: 1'], { input: '' });
    assert.equal(new Map(JSON.parse(head.stdout)).get('x-one'), '1');
  });

  it('says what the server refuses', async () => {
    const nobody = await send(file, whip('nobody'));
    assert.equal(nobody.code, 5, nobody.stderr);
    assert.match(nobody.stderr, /the server refused: 503 NO_WORKER/);
    const wrong = await send(file, whip('hash'), [], { env: { T: 'a-wrong-token' } });
    assert.equal(wrong.code, 4, wrong.stderr);
    assert.match(wrong.stderr, /the server refused: 401 INVALID_CREDENTIALS/);
    assert.ok(!wrong.stderr.includes('a-wrong-token'));
    const unreachable = await send(file, 'whip://127.0.0.1:1/whip/room');
    assert.equal(unreachable.code, 6, unreachable.stderr);
  });

  it('an interrupt ends the work', async () => {
    const before = server.worker.reports.length;
    const child = start(['send', '-q', '-', whip('silent'), '--token', 'env:T'], { env });
    child.stdin?.write('never ending');
    await server.worker.report('reading', before);
    const done = finish(child);
    child.kill('SIGINT');
    const result = await done;
    assert.equal(result.code, 130, result.stderr);
    assert.equal((await server.worker.report('failed', before)).abort, 'CLIENT_GONE');
  });
});
