import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { PATIENT } from '../support/patience.js';
import { runProgram, testWith } from '../support/program.js';
import { TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';

const STREAMS = 64;

const segment = {
  pools: [{ name: 'uploads', streams: STREAMS, requestSlots: 8, responseSlots: 4 }],
};

let server: TestServer;
/** Its clients have to hurry. */
let strict: TestServer;
before(async () => {
  server = await TestServer.start({ segment, ...PATIENT });
  strict = await TestServer.start({
    segment,
    http: { headTimeoutMs: 2000, maxConnections: 400 },
    limits: { minRateBytesPerSecond: 1000, minRateGraceMs: 2000, minRateWindowMs: 1000 },
  });
});
after(async () => {
  await server?.stop();
  await strict?.stop();
});

for (const scheme of ['http', 'https'] as const) {
  testWith(
    'wrk',
    `wrk sends thousands of uploads over ${scheme}, and each is answered`,
    async (t) => {
      const script = server.file('upload.lua');
      const body = 'u'.repeat(1024);
      writeFileSync(script, `wrk.method = "POST"\nwrk.body = "${body}"\n`);
      const before = server.worker.reports.length;
      const args = ['-t', '2', '-c', String(STREAMS / 2), '-d', '3s', '-s', script];
      const { stdout, code } = await runProgram('wrk', [
        ...args,
        server.url('/upload/hash', scheme),
      ]);
      assert.equal(code, 0, stdout);
      assert.doesNotMatch(stdout, /Non-2xx|Socket errors/);
      const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
      t.diagnostic(`${requests} requests in 3 s`);
      assert.ok(requests > 100, stdout);
      const claims = () =>
        server.worker.reports.slice(before).filter(({ event }) => event === 'claimed').length;
      // The worker's reports come by another way than its answers.
      await until(() => claims() >= requests, `${requests} claims`);
      await server.free();
    },
  );
}

/** Slow clients of each kind: what slowhttptest calls its attack, and its options. */
const SLOW: readonly (readonly [string, readonly string[]])[] = [
  ['heads that never end (slowloris)', ['-H', '-i', '1']],
  ['bodies that drip', ['-B', '-i', '1', '-s', '8192']],
  ['responses that nobody reads', ['-X', '-w', '10', '-y', '20', '-n', '5', '-z', '10', '-k', '3']],
];

for (const [name, options] of SLOW) {
  testWith(
    'slowhttptest',
    `200 ${name}: others are served, and nothing stays behind`,
    async () => {
      const url = strict.url(options[0] === '-X' ? '/upload/bytes?n=100000' : '/upload/hash');
      const args = [...options, '-c', '200', '-r', '100', '-l', '8', '-p', '3', '-u', url];
      const stats = () => strict.server.stats().transports.http1;
      const before = stats()?.connectionsTotal ?? 0;
      const attack = runProgram('slowhttptest', args, 40);
      const hundred = () => (stats()?.connectionsTotal ?? 0) > before + 100;
      await until(hundred, 'a hundred slow connections');
      const during = await fetch(strict.url('/upload/hash'), { method: 'POST', body: 'during' });
      // Slow bodies may have every stream for a moment, and the answer then says when to come again.
      assert.ok(during.status === 200 || during.headers.has('retry-after'), `${during.status}`);
      await during.text();
      const { stdout } = await attack;
      assert.match(stdout, /Exit status/, stdout);
      await until(() => stats()?.connections === 0, 'every slow connection to end', 20_000);
      await strict.free();
      const answer = await fetch(strict.url('/upload/hash'), { method: 'POST', body: 'after' });
      assert.equal(answer.status, 200);
      await answer.text();
    },
    90_000,
  );
}
