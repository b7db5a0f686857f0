import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { sample, sha256 } from '../../conformance/tools.js';
import { SrtServer } from '../../support/srt.js';
import { endAll, finish, run, start, temporaryFolder } from './support.js';

const PASSPHRASE = 'a passphrase of the tests';
const folder = temporaryFolder();
const file = join(folder.path, 'body.bin');
const body = sample(20_000_007);
const good = createToken();
let plain: SrtServer;
let secret: SrtServer;

before(async () => {
  writeFileSync(file, body);
  plain = await SrtServer.start();
  const permissions = [{ action: 'publish' as const, path: '/srt/*' }];
  const auth = { tokens: [{ name: 'good', hash: good.hash, permissions }] };
  secret = await SrtServer.start({ passphrase: PASSPHRASE }, { auth });
});
after(async () => {
  await endAll();
  await plain?.stop();
  await secret?.stop();
  folder.remove();
});

const url = (of: SrtServer, rest = '') => `srt://localhost:${of.port('live')}${rest}`;

describe('send over SRT', () => {
  it('sends a file and prints the answer', async () => {
    const { code, stdout, stderr } = await run(['send', '-i', file, url(plain, '/a/b')]);
    assert.deepEqual([code, JSON.parse(stdout).sha256], [0, sha256(body)], stderr);
    assert.match(stderr, /HTTP 200\ncontent-length: \d+/);
    const report = plain.reports.find((one) => one.event === 'body');
    assert.match(report?.path ?? '', /^\/srt\/%23!::r=a\/b,t=file,user_len=20000007$/);
  });

  it('sends standard input, which has no answer', async () => {
    const from = plain.reports.length;
    const sent = await run(['send', '-q', '-', url(plain)], { input: Buffer.from(body) });
    assert.deepEqual([sent.code, sent.stdout], [0, ''], sent.stderr);
    assert.equal((await plain.report('body', from)).sha256, sha256(body));
  });

  it('takes a stream id of its own', async () => {
    const from = plain.reports.length;
    const id = encodeURIComponent('#!::r=mine,t=file');
    const sent = await run(['send', '-q', file, url(plain, `?streamid=${id}`)]);
    assert.deepEqual([sent.code, sent.stdout], [0, ''], sent.stderr);
    const report = await plain.report('body', from);
    assert.deepEqual([report.path, report.sha256], ['/srt/%23!::r=mine,t=file', sha256(body)]);
    const live = encodeURIComponent('#!::t=stream');
    const wrong = await run(['send', '-q', file, url(plain, `?streamid=${live}`)]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /file mode only/);
  });

  it('encrypts, sends a token, and says what was refused', async () => {
    const to = (words: string, bytes = 32) =>
      url(secret, `/x?passphrase=${encodeURIComponent(words)}&pbkeylen=${bytes}`);
    const ask = (target: string, token: string) =>
      run(['send', '-q', file, target, '--token', 'env:T'], { env: { T: token } });
    for (const bytes of [16, 32]) {
      const right = await ask(to(PASSPHRASE, bytes), good.token);
      assert.deepEqual([right.code, JSON.parse(right.stdout).size], [0, body.length], right.stderr);
    }
    const stranger = await ask(to(PASSPHRASE), 'a-wrong-token');
    assert.equal(stranger.code, 4, stranger.stderr);
    const wrong = await ask(to('another passphrase'), good.token);
    assert.deepEqual([wrong.code, wrong.stdout], [4, '']);
    assert.match(wrong.stderr, /the server refused: the passphrase is wrong/);
    assert.ok(!`${stranger.stderr}${wrong.stderr}`.includes('passphrase of the tests'));
  });

  it('says what is wrong with its arguments, and that nobody listens', async () => {
    for (const [target, code, text] of [
      ['srt://localhost', 2, /needs a port/],
      ['srt://localhost:1', 6, /nobody answers/],
    ] as const) {
      const { code: ended, stderr } = await run(['send', '-q', file, target]);
      assert.equal(ended, code, stderr);
      assert.match(stderr, text);
    }
  });

  it('an interrupt breaks a file off', async () => {
    const from = plain.reports.length;
    const keys = 'r=a,t=file,user_len=1000000000';
    const target = url(plain, `?streamid=${encodeURIComponent(`#!::${keys}`)}`);
    const sending = start(['send', '-q', '-', target]);
    sending.stdin?.write('some');
    await plain.report('opened', from);
    sending.kill('SIGINT');
    const { code } = await finish(sending);
    assert.equal(code, 130);
    await plain.report('aborted', from);
  });
});
