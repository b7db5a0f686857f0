import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { PATIENT } from '../support/patience.js';
import { runProgram, testWith } from '../support/program.js';
import { TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';

const STREAMS = 64;
const BYTES = 20_000_003;
const body = Buffer.alloc(BYTES, 'curl, nghttp and h2load ');
const sha256 = createHash('sha256').update(body).digest('hex');

let server: TestServer;
let file: string;
before(async () => {
  server = await TestServer.start({
    segment: { pools: [{ name: 'uploads', streams: STREAMS, requestSlots: 8, responseSlots: 4 }] },
    limits: { ...PATIENT.limits, maxBodyBytes: 2 * BYTES },
  });
  file = server.file('body.bin');
  writeFileSync(file, body);
});
after(() => server?.stop());

/** How each listener is reached: its URL, and what makes curl and the nghttp2 tools speak HTTP/2 there. */
const listeners = [
  { name: 'h2', scheme: 'https', curl: ['--http2', '-k'] },
  { name: 'h2c', scheme: 'http', curl: ['--http2-prior-knowledge'] },
] as const;

const url = (scheme: 'http' | 'https', path: string) =>
  `${scheme}://127.0.0.1:${server.port(scheme, 'http2')}${path}`;

for (const { name, scheme, curl: options } of listeners) {
  const curl = (path: string, ...args: readonly string[]) =>
    runProgram('curl', ['-sS', '--max-time', '60', ...options, ...args, url(scheme, path)]);

  testWith('curl', `curl -T over ${name}`, async () => {
    const { stdout, stderr } = await curl('/upload/hash', '-w', '\n%{http_version}', '-T', file);
    const [answer = '', version] = stdout.trim().split('\n');
    assert.equal(version, '2', stderr);
    assert.deepEqual(JSON.parse(answer).sha256, sha256);
  });

  testWith('curl', `curl reads an answer while it still sends, over ${name}`, async () => {
    const { stdout, code } = await curl('/upload/overlap', '-T', file);
    assert.equal(code, 0);
    assert.equal(stdout, `first\n${BYTES} ${sha256}\n`);
  });

  testWith('curl', `curl stops to send when its answer is complete, over ${name}`, async () => {
    const { stdout, code, stderr } = await curl('/upload/early', '-T', file);
    assert.deepEqual([stdout, code], ['early', 0], stderr);
  });

  testWith('curl', `curl sees errors, and that an answer was cut, over ${name}`, async () => {
    const expectation = await curl('/upload/hash', '-T', file, '-H', 'Expect: 100-continue');
    assert.equal(JSON.parse(expectation.stdout).sha256, sha256);
    writeFileSync(server.file('large'), Buffer.alloc(2 * BYTES + 1));
    const large = await curl('/upload/hash', '-T', server.file('large'));
    assert.equal(JSON.parse(large.stdout).error, 'BODY_TOO_LARGE');
    const unknown = await curl('/nowhere', '-d', 'x');
    assert.equal(JSON.parse(unknown.stdout).error, 'UNKNOWN_PATH');
    assert.notEqual((await curl('/upload/fail?head&wait=50', '-d', 'x')).code, 0);
    const head = await curl('/upload/status?h.content-length=7', '-I');
    assert.match(head.stdout, /^HTTP\/2 200 \r\n(.*\r\n)*content-length: 7\r\n/);
  });

  testWith('nghttp', `nghttp sends several uploads on one connection, over ${name}`, async () => {
    const uploads = Array.from({ length: 10 }, (_, i) => url(scheme, `/upload/hash?${i}`));
    const args = ['--no-verify-peer', '-d', file, '-H', ':method: POST', ...uploads];
    const { stdout, stderr } = await runProgram('nghttp', args);
    const answers = stdout.match(/"sha256":"[0-9a-f]{64}"/g) ?? [];
    assert.deepEqual(answers, Array(10).fill(`"sha256":"${sha256}"`), stderr);
    await server.free();
  });

  testWith('nghttp', `nghttp sends and gets trailers, over ${name}`, async () => {
    const args = ['--no-verify-peer', '-v', '-d', file, '--trailer', 'x-sum: abc'];
    const { stdout } = await runProgram('nghttp', [...args, url(scheme, '/upload/echo')]);
    assert.match(stdout, /recv \(stream_id=\d+\) x-sum: abc/);
    await server.free();
  });

  testWith(
    'h2load',
    `h2load sends thousands of uploads over ${name}, and each is answered`,
    async (t) => {
      const small = server.file('small');
      writeFileSync(small, 'u'.repeat(1024));
      const claims = () => server.worker.reports.filter(({ event }) => event === 'claimed').length;
      const before = claims();
      const requests = 2000;
      const args = ['-n', String(requests), '-c', '4', '-m', '8', '-d', small];
      const { stdout } = await runProgram('h2load', [...args, url(scheme, '/upload/hash')]);
      assert.match(stdout, new RegExp(`${requests} succeeded, 0 failed, 0 errored, 0 timeout`));
      assert.match(stdout, new RegExp(`${requests} 2xx, 0 3xx, 0 4xx, 0 5xx`));
      t.diagnostic(/finished in .*/.exec(stdout)?.[0] ?? '');
      // The worker's reports come by another way than its answers.
      await until(() => claims() - before >= requests, `${requests} claims`);
      await server.free();
    },
  );

  testWith('h2load', `h2load keeps many streams of one connection busy, over ${name}`, async () => {
    const args = ['-n', '200', '-c', '1', '-m', String(STREAMS / 2), '-d', server.file('large')];
    writeFileSync(server.file('large'), Buffer.alloc(500_000));
    const { stdout } = await runProgram('h2load', [...args, url(scheme, '/upload/hash')]);
    assert.match(stdout, /200 2xx, 0 3xx, 0 4xx, 0 5xx/);
    await server.free();
  });
}
