import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Agent, Pool, request } from 'undici';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const run = promisify(execFile);
const body = Buffer.alloc(3_000_001, 'curl and undici ');
const sha256 = createHash('sha256').update(body).digest('hex');

let server: TestServer;
let file: string;
let hasCurl = true;
before(async () => {
  server = await TestServer.start({ limits: { maxBodyBytes: 10_000_000 } });
  file = server.file('body.bin');
  writeFileSync(file, body);
  hasCurl = await run('curl', ['--version']).then(
    () => true,
    () => false,
  );
});
after(() => server?.stop());

/** Runs curl and returns its standard output and exit code. */
async function curl(...args: readonly string[]): Promise<{ stdout: string; code: number }> {
  try {
    return { ...(await run('curl', ['-sSk', '--max-time', '60', ...args])), code: 0 };
  } catch (error) {
    const { stdout, code } = error as { stdout: string; code: number };
    return { stdout, code };
  }
}

const needsCurl = (name: string, fn: () => Promise<void>) =>
  test(name, async (t) => {
    if (hasCurl) return fn();
    if (process.env.STRICT === '1') assert.fail('curl is missing');
    t.skip('curl is missing');
  });

for (const scheme of ['http', 'https'] as const) {
  needsCurl(`curl -T over ${scheme}`, async () => {
    const { stdout } = await curl('-T', file, server.url('/upload/hash', scheme));
    assert.equal(JSON.parse(stdout).sha256, sha256);
  });
}

needsCurl('curl with a chunked body from its standard input', async () => {
  const { stdout } = await curl(
    '-H',
    'Transfer-Encoding: chunked',
    '--data-binary',
    `@${file}`,
    server.url('/upload/hash'),
  );
  assert.equal(JSON.parse(stdout).sha256, sha256);
});

needsCurl('curl waits for 100 Continue, and sees a refusal', async () => {
  const { stdout } = await curl(
    '-H',
    'Expect: 100-continue',
    '-T',
    file,
    server.url('/upload/hash'),
  );
  assert.equal(JSON.parse(stdout).sha256, sha256);
  writeFileSync(server.file('large'), Buffer.alloc(12_000_000));
  const refused = await curl('-T', server.file('large'), server.url('/upload/hash'));
  assert.equal(JSON.parse(refused.stdout).error, 'BODY_TOO_LARGE');
});

needsCurl('curl sees that an answer was cut', async () => {
  const slowly = ['--limit-rate', '10k', '-T', file];
  const child = spawn('curl', ['-sSN', ...slowly, server.url('/upload/overlap')]);
  const closed = once(child, 'close');
  try {
    let answer = '';
    child.stdout.on('data', (chunk) => {
      answer += chunk;
    });
    await until(() => answer === 'first\n', 'the beginning of the answer');
    await server.worker.kill();
    const [code] = await closed;
    assert.notEqual(code, 0);
    await server.keepWorkers(1);
  } finally {
    child.kill();
  }
});

needsCurl('curl -I', async () => {
  const { stdout } = await curl('-I', server.url('/upload/status'));
  assert.match(stdout, /^HTTP\/1.1 200 OK\r\n/);
});

for (const scheme of ['http', 'https'] as const) {
  test(`undici over ${scheme}, pipelining`, async () => {
    const pool = new Pool(server.url('', scheme), {
      connections: 1,
      pipelining: 8,
      connect: { rejectUnauthorized: false },
    });
    try {
      const answers = Array.from({ length: 20 }, async (_, i) => {
        const answer = await pool.request({ path: '/upload/echo', method: 'PUT', body: `${i}` });
        assert.equal(await answer.body.text(), `${i}`);
      });
      await Promise.all(answers);
    } finally {
      await pool.close();
    }
  });
}

function* pieces(): Generator<Buffer> {
  for (let at = 0; at < body.length; at += 100_000) yield body.subarray(at, at + 100_000);
}

test('undici sends a stream and reads the answer', async () => {
  const dispatcher = new Agent();
  try {
    const answer = await request(server.url('/upload/hash'), {
      method: 'POST',
      dispatcher,
      body: Readable.from(pieces(), { objectMode: false }),
    });
    assert.equal(((await answer.body.json()) as { sha256: string }).sha256, sha256);
  } finally {
    await dispatcher.close();
  }
});

test('fetch with a streaming body', async () => {
  const answer = await fetch(server.url('/upload/hash'), {
    method: 'POST',
    body: new Blob([body]).stream(),
    duplex: 'half',
  } as RequestInit);
  assert.equal(((await answer.json()) as { sha256: string }).sha256, sha256);
});
