// What docs/authentication.md shows is run as it stands there, but for ports and secrets.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createToken } from '../../../src/admission/index.js';
import { runProgram, testWith } from '../../support/program.js';
import { endAll, fixture, MAIN, run, TestServer, temporaryFolder } from '../cli/support.js';
import { Helper } from './support.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SECRET = 'a-secret-of-32-characters-or-more';
const ECHOED = '5 bytes\n';
const page = readFileSync(join(ROOT, 'docs/authentication.md'), 'utf8');
const folder = temporaryFolder();
const bin = join(folder.path, 'bin');
const children = new Set<ChildProcess>();
let server: TestServer | undefined;

before(() => {
  mkdirSync(bin);
  const command = join(bin, 'upload-response');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(command, 0o755);
  writeFileSync(join(folder.path, 'photo.jpg'), 'photo');
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await endAll();
  folder.remove();
});

/** The blocks of one language in a section, in their order. */
function blocks(section: string, language: string): string[] {
  const [, text = ''] = new RegExp(`\n## ${section}\n([\\s\\S]*?)(?=\n## |$)`).exec(page) ?? [];
  const found = [...text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))];
  assert.ok(found.length > 0, `${section} has ${language}`);
  return found.map(([, block]) => block as string);
}

/** Starts a server with this configuration and a worker that says how much it got. */
async function serve(yaml: string, args: readonly string[] = []): Promise<void> {
  const file = join(folder.path, 'server.yaml');
  writeFileSync(file, yaml);
  const worker = ['--worker', fixture('echo.mjs')];
  server = await TestServer.start(folder.path, ['--config', file, ...worker, ...args]);
  await server.events.next('worker-started');
}

/** Runs shell lines of the page; what they print on standard output. */
async function shell(lines: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const port = (scheme: string) =>
    server?.listening.addresses.find((address) => address.scheme === scheme)?.port;
  const text = lines
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port('http')}`)
    .replaceAll('localhost:8443', `localhost:${port('https')}`);
  const variables = Object.entries(env).map(
    ([name, value]) => `${name}='${value}'; export ${name}\n`,
  );
  const script = `cd '${folder.path}'; PATH='${bin}':$PATH\nset -e\n${variables.join('')}${text}`;
  const { code, stdout, stderr } = await runProgram('sh', ['-c', script]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The commands of a block, of which a long one has several lines. */
const commands = (block: string) => block.trim().split(/(?<!\\)\n/);

testWith('curl', 'without any of them', async () => {
  const [yaml = ''] = blocks('Without any of them', 'yaml');
  await serve(yaml);
  assert.equal(await shell('curl -sT photo.jpg http://127.0.0.1:8080/upload'), ECHOED);
});

testWith('curl', 'tokens', async () => {
  const [create = '', send = '', hash = ''] = blocks('Tokens', 'sh');
  const [token = '', ...rest] = (await shell(create)).split('\n');
  const entry = rest.join('\n');
  const [shown] = blocks('Tokens', 'yaml');
  assert.equal(entry.replace(/sha256:.*/, 'sha256:...'), shown);
  await serve(entry);
  assert.equal(commands(send).length, 4);
  for (const line of commands(send)) assert.equal(await shell(line, { TOKEN: token }), ECHOED);
  for (const line of commands(send).slice(0, 3)) {
    assert.match(await shell(line, { TOKEN: 'x' }), /INVALID_CREDENTIALS/);
  }
  const chosen = await shell(hash, { CHOSEN: 'correct-horse' });
  assert.match(chosen, /name: "person"\n +hash: scrypt:/);
  await server?.stop();
  await serve(chosen);
  const [first = ''] = commands(send);
  assert.equal(await shell(first, { TOKEN: 'correct-horse' }), ECHOED);
});

testWith('curl', 'JSON Web Tokens', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }];
  const issuer = await Helper.start();
  issuer.answer = (response) => response.end(JSON.stringify({ keys }));
  try {
    const [yaml = ''] = blocks('JSON Web Tokens', 'yaml');
    await serve(yaml.replace(/jwksUrl: .*/, `jwksUrl: ${issuer.url}`));
    const [json = ''] = blocks('JSON Web Tokens', 'json');
    const exp = Math.floor(Date.now() / 1000) + 600;
    const token = await new SignJWT({ ...JSON.parse(json), exp })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .sign(privateKey);
    const [line = ''] = blocks('JSON Web Tokens', 'sh');
    assert.equal(await shell(line, { JWT: token }), ECHOED);
  } finally {
    await issuer.stop();
  }
});

testWith('curl', 'signed URLs', async () => {
  const [yaml = ''] = blocks('Signed URLs', 'yaml');
  assert.ok(yaml.includes(SECRET));
  await serve(yaml);
  const [lines = ''] = blocks('Signed URLs', 'sh');
  assert.equal(await shell(lines, { SIGNING_SECRET: SECRET }), ECHOED);
  const [program = ''] = blocks('Signed URLs', 'js');
  const signed = await shell(
    `cd '${ROOT}'; '${process.execPath}' --input-type=module <<'END'\n${program}END\n`,
    { SIGNING_SECRET: SECRET },
  );
  assert.equal(await shell(`curl -sT photo.jpg '${signed.trim()}'`), ECHOED);
});

testWith('openssl', 'client certificates', async () => {
  const [make = '', send = ''] = blocks('Client certificates', 'sh');
  await shell(make);
  const [yaml = ''] = blocks('Client certificates', 'yaml');
  await serve(yaml, ['--tls-port', '0']);
  assert.equal(await shell(send), ECHOED);
  const without = send.replace(/--cert \S+ --key \S+ /, '');
  assert.match(await shell(without), /UNAUTHENTICATED/);
});

testWith('curl', 'HTTP callback', async () => {
  const { token } = createToken();
  const [program = ''] = blocks('HTTP callback', 'js');
  const code = program.replace(
    ".listen(9000, '127.0.0.1');",
    ".listen(0, '127.0.0.1', function () { console.log(this.address().port); });",
  );
  assert.notEqual(code, program);
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    env: { ...process.env, TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const [port] = await once(child.stdout, 'data');
  const [yaml = ''] = blocks('HTTP callback', 'yaml');
  await serve(yaml.replace(':9000', `:${String(port).trim()}`));
  const [line = ''] = blocks('HTTP callback', 'sh');
  assert.equal(await shell(line, { TOKEN: token }), ECHOED);
  assert.match(await shell(line, { TOKEN: 'x' }), /INVALID_CREDENTIALS/);
  const elsewhere = line.replace('/upload/cam/7', '/upload/7');
  assert.match(await shell(elsewhere, { TOKEN: token }), /FORBIDDEN/);
});

test('what else it says of the configuration is so', async () => {
  const [yaml = ''] = blocks('Behind a reverse proxy', 'yaml');
  const file = join(folder.path, 'other.yaml');
  const keys = '  signedUrls:\n    keys: [{ id: app }]\n';
  writeFileSync(file, yaml + keys);
  const env = { UR_AUTH_SIGNED_URLS_KEYS_0_SECRET: SECRET };
  const { code, stdout, stderr } = await run(['config', 'print', '--config', file], { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /127\.0\.0\.1[\s\S]*10\.0\.0\.0\/8/);
  assert.match(stdout, /secret: "?\*\*\*/);
});
