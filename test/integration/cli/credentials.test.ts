import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { testWith } from '../../support/program.js';
import { endAll, fixture, MAIN, run, TestServer, temporaryFolder, until } from './support.js';

const SECRET = 'a secret of more than 32 characters';
const folder = temporaryFolder();
const file = join(folder.path, 'body.bin');
const yaml = join(folder.path, 'server.yaml');
let server: TestServer;
let token: string;

before(async () => {
  writeFileSync(file, 'eight by');
  const made = await run(['token', 'create', '--name', 'camera', '--path', '/upload/cam/*']);
  const [first = '', ...entry] = made.stdout.split('\n');
  token = first;
  const keys = `  signedUrls:\n    keys: [{ id: app, secret: "${SECRET}" }]\n`;
  writeFileSync(yaml, `${entry.join('\n')}${keys}`);
  const echo = ['--worker', fixture('echo.mjs')];
  server = await TestServer.start(folder.path, ['--config', yaml, ...echo]);
  await server.events.next('worker-started');
});
after(async () => {
  await endAll();
  folder.remove();
});

const send = (path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  run(['send', '-q', file, server.url() + path, ...args], { env });

describe('token', () => {
  it('makes an entry that the server takes as it is, and a token that it knows', async () => {
    const sent = await send('/cam/1', ['--token', 'env:UPLOAD_TOKEN'], { UPLOAD_TOKEN: token });
    assert.deepEqual([sent.code, sent.stdout], [0, '8 bytes\n']);
    const elsewhere = await send('/1', ['--token', 'env:UPLOAD_TOKEN'], { UPLOAD_TOKEN: token });
    assert.deepEqual([elsewhere.code, JSON.parse(elsewhere.stdout).error], [4, 'FORBIDDEN']);
    const without = await send('/cam/1');
    assert.deepEqual([without.code, JSON.parse(without.stdout).error], [4, 'UNAUTHENTICATED']);
  });

  it('hashes a token that somebody chose, and never prints it', async () => {
    const args = ['token', 'hash', '--json', '--action', 'read', 'api', '--path', '~/a/[0-9]+'];
    const { code, stdout, stderr } = await run(args, { input: 'correct horse\nnot this\n' });
    assert.deepEqual([code, stderr], [0, '']);
    const { entry, ...others } = JSON.parse(stdout);
    assert.deepEqual(others, {});
    assert.match(entry.hash, /^scrypt:14:8:5:/);
    assert.deepEqual(entry.permissions, [
      { action: 'read', path: '~/a/[0-9]+' },
      { action: 'api', path: '~/a/[0-9]+' },
    ]);
    assert.ok(!stdout.includes('horse'));
  });

  it('says what is wrong', async () => {
    for (const [args, input, text] of [
      [['create', '--name', 'two words'], '', /--name: accepted: a name/],
      [['create', '--path', 'relative'], '', /--path: is no path pattern/],
      [['create', '--action', 'fly'], '', /--action: /],
      [['hash'], '', /standard input holds no token/],
      [['hash'], '\n', /standard input holds no token/],
      [['hash'], 'x'.repeat(20_000), /standard input holds no token/],
    ] as const) {
      const result = await run(['token', ...args], { input });
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, text);
      assert.equal(result.stdout, '');
    }
  });

  testWith('script', 'a terminal does not show what is typed', async () => {
    const command = `${process.execPath} ${MAIN} token hash --json`;
    const child = spawn('script', ['-qec', command, '/dev/null']);
    try {
      let shown = '';
      child.stdout.on('data', (chunk) => {
        shown += chunk;
      });
      const ended = once(child, 'close');
      await until('the prompt', () => shown.includes('Token: '));
      child.stdin.write('correct horse\r');
      assert.deepEqual(await ended, [0, null]);
      assert.match(shown, /"hash":"scrypt:/);
      assert.ok(!shown.includes('horse'), shown);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('sign', () => {
  it('signs by a key of the configuration, or by one that is given', async () => {
    const url = `${server.url()}/signed`;
    const limits = ['--expires-in', '10m', '--max-bytes', '8'];
    const own = await run(['sign', url, '--config', yaml, ...limits]);
    assert.equal(own.code, 0, own.stderr);
    const signed = own.stdout.trim();
    const sent = await run(['send', '-q', file, signed]);
    assert.deepEqual([sent.code, sent.stdout], [0, '8 bytes\n']);
    const key = ['--key-id', 'app', '--secret', 'env:SIGNING_SECRET'];
    const env = { SIGNING_SECRET: SECRET };
    const given = await run(['sign', url, ...key, '--max-bytes', '7'], { env });
    const refused = await run(['send', '-q', file, given.stdout.trim()]);
    assert.deepEqual([refused.code, JSON.parse(refused.stdout).error], [4, 'BODY_TOO_LARGE']);
    const posted = await run(['send', '-q', '-X', 'POST', file, signed]);
    assert.equal(JSON.parse(posted.stdout).error, 'INVALID_SIGNATURE');
  });

  it('says what is wrong, and nothing of the secret', async () => {
    const url = 'http://localhost/upload';
    const short = join(folder.path, 'short');
    writeFileSync(short, 'too short\n');
    for (const [args, text] of [
      [['nonsense'], /is no URL/],
      [[url, '--config', yaml, '--key-id', 'other'], /no such key; there: app/],
      [[url, '--secret', short], /--secret needs --key-id/],
      [[url, '--key-id', 'app', '--secret', short], /--secret: accepted: at least 32/],
      [[url, '--key-id', 'app', '--secret', SECRET], /--secret: the file cannot be read \(ENOENT/],
      [[url, '--key-id', 'app', '--secret', 'env:NO_SUCH'], /no such variable/],
      [[url, '--config', yaml, '--expires-in', 'soon'], /a duration such as/],
    ] as const) {
      const { code, stdout, stderr } = await run(['sign', ...args], { cwd: folder.path });
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(stderr, text);
      assert.ok(!stderr.includes(SECRET) && !stderr.includes('too short'), stderr);
    }
  });
});

describe('send --token', () => {
  it('takes it from a file or the environment', async () => {
    const seen: IncomingMessage[] = [];
    const other = createServer((request, response) => {
      seen.push(request);
      request.resume().on('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
      const named = join(folder.path, 'token');
      writeFileSync(named, 'from-a-file\n');
      assert.equal((await run(['send', '-q', file, url, '--token', named])).code, 0);
      const env = { T: 'from-the-environment' };
      assert.equal((await run(['send', '-q', file, url, '--token', 'env:T'], { env })).code, 0);
      assert.deepEqual(
        seen.map(({ headers }) => headers.authorization),
        ['Bearer from-a-file', 'Bearer from-the-environment'],
      );
    } finally {
      other.close();
      other.closeAllConnections();
    }
  });

  it('never prints it', async () => {
    const env = { T: 'two words' };
    for (const [args, text] of [
      [
        ['--token', token],
        /--token: the file cannot be read \(ENOENT\)[\s\S]*not the secret itself/,
      ],
      [['--token', 'env:T'], /--token: what it names holds no token/],
      [['--token', 'env:NONE'], /--token: the environment has no such variable/],
      [['--token', 'env:T', '-H', 'Authorization: x'], /exclude each other/],
    ] as const) {
      const { code, stderr } = await send('/cam/1', args, env);
      assert.equal(code, 2, stderr);
      assert.match(stderr, text);
      assert.ok(!stderr.includes(token) && !stderr.includes('two words'), stderr);
    }
    const shown = await run(['send', '--include', '--json', file, `${server.url()}/cam/1`], {
      env: { T: token },
    });
    assert.ok(!shown.stderr.includes(token));
  });
});

it('what the server writes and the configuration that it shows hold no secret', async () => {
  const url = `${server.url()}/signed`;
  const signed = (await run(['sign', url, '--config', yaml])).stdout.trim();
  await run(['send', '-q', file, signed]);
  const [signature = ''] = /ur-signature=.*/.exec(signed) ?? [];
  const shown = await run(['config', 'print', '--config', yaml]);
  assert.match(shown.stdout, /hash: "?\*\*\*/);
  assert.equal(await server.stop(), 0);
  for (const text of [shown.stdout, server.events.stderr]) {
    for (const secret of [token, SECRET, signature]) assert.ok(!text.includes(secret));
  }
});
