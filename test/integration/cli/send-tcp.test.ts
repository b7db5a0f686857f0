import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { sample, sha256 } from '../../conformance/tools.js';
import { certificate, TestServer } from '../../support/test-server.js';
import { endAll, finish, run, start, temporaryFolder } from './support.js';

const folder = temporaryFolder();
const file = join(folder.path, 'body.bin');
const body = sample(3_000_007);
const good = createToken();
let server: TestServer;
let authorised: TestServer;
let certFile: string;

before(async () => {
  writeFileSync(file, body);
  const files = await certificate(folder.path);
  certFile = files.certFile;
  const tcp = { enabled: true, port: 0, tls: { port: 0, ...files } };
  const limits = { maxBodyBytes: 64 * 2 ** 20 };
  server = await TestServer.start({ transports: { tcp }, limits });
  authorised = await TestServer.start({
    auth: { tokens: [{ name: 'good', hash: good.hash }] },
    transports: { tcp: { ...tcp, tokenLine: 'always' } },
  });
});
after(async () => {
  await endAll();
  await server?.stop();
  await authorised?.stop();
  folder.remove();
});

const url = (scheme: 'tcp' | 'tls' = 'tcp', at = server) =>
  `${scheme}://localhost:${at.port(scheme)}`;

describe('send over TCP', () => {
  it('sends a file and prints the answer', async () => {
    const { code, stdout, stderr } = await run(['send', file, url()]);
    assert.deepEqual([code, JSON.parse(stdout).sha256], [0, sha256(body)], stderr);
    assert.match(stderr, /^ok {2}sent 3\.0 MB in /);
  });

  it('sends standard input, empty too where a token line begins it', async () => {
    const { code, stdout } = await run(['send', '-q', '-', url()], { input: Buffer.from(body) });
    assert.deepEqual([code, JSON.parse(stdout).sha256], [0, sha256(body)]);
    const args = ['send', '-q', '-', url('tcp', authorised), '--token', 'env:T'];
    const empty = await run(args, { env: { T: good.token }, input: '' });
    assert.deepEqual([empty.code, JSON.parse(empty.stdout).bytes], [0, 0]);
  });

  it('sends by TLS, and checks the certificate', async () => {
    for (const args of [['-k'], ['--cacert', certFile]]) {
      const { code, stdout, stderr } = await run(['send', '-q', file, url('tls'), ...args]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.equal(JSON.parse(stdout).sha256, sha256(body));
    }
    const refused = await run(['send', '-q', file, url('tls')]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is not trusted .*\n.*--cacert/);
  });

  it('sends a token, and says what the server refuses', async () => {
    const to = url('tcp', authorised);
    const ask = (token: string) =>
      run(['send', '-q', file, to, '--token', 'env:T'], { env: { T: token } });
    const right = await ask(good.token);
    assert.equal(right.code, 0, right.stderr);
    const wrong = await ask('a-wrong-token');
    assert.equal(wrong.code, 4);
    assert.match(wrong.stderr, /the server refused: 401 INVALID_CREDENTIALS/);
    assert.ok(!wrong.stderr.includes('a-wrong-token'));
    const none = await run(['send', '-q', file, to]);
    assert.deepEqual([none.code, none.stdout], [4, '']);
    assert.match(none.stderr, /400 TOKEN_LINE_INVALID/);
  });

  it('a refusal in the middle of a large upload is shown', async () => {
    const large = join(folder.path, 'large.bin');
    writeFileSync(large, Buffer.alloc(70 * 2 ** 20));
    const { code, stderr } = await run(['send', '-q', large, url()]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /413 BODY_TOO_LARGE/);
  });

  it('says what is wrong with its arguments, and that nobody listens', async () => {
    for (const [args, code, text] of [
      [['tcp://localhost'], 2, /needs a port/],
      [[url(), '-H', 'a: b'], 2, /has no header/],
      [[url(), '-X', 'POST'], 2, /has no request method/],
      [['gopher://localhost:70'], 2, /is not an http/],
      [['tcp://127.0.0.1:1'], 6, /nobody answers at tcp:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)/],
    ] as const) {
      const result = await run(['send', '-q', file, ...args]);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, text);
    }
  });

  it('an interrupt does not look like the end of the body', async () => {
    for (const scheme of ['tcp', 'tls'] as const) {
      const before = server.worker.reports.length;
      const child = start(['send', '-qk', '-', url(scheme)]);
      child.stdin?.write('never ending');
      await server.worker.report('reading', before);
      const done = finish(child);
      child.kill('SIGINT');
      const result = await done;
      assert.equal(result.code, 130, result.stderr);
      assert.equal((await server.worker.report('failed', before)).abort, 'CLIENT_GONE');
    }
  });
});
