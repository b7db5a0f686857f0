import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, loadConfig } from '../../../src/config/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ur-auth-config-'));
const file = join(folder, 'server.yaml');
after(() => rmSync(folder, { recursive: true }));

const load = (yaml: string, env: NodeJS.ProcessEnv = {}) => {
  writeFileSync(file, yaml);
  return loadConfig({ file, env, cwd: folder }).config;
};

function problems(yaml: string): string {
  try {
    load(yaml);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return '';
}

const HASH = `sha256:${'A'.repeat(43)}`;

test('rules for certificates that nobody is asked for are an error', () => {
  const rules = 'auth:\n  certificates: [{ name: cams, subject: CN=cam }]\n';
  assert.match(problems(rules), /auth\.certificates: .*http\.tls\.clientCertificates/);
  const tls =
    'http:\n  tls:\n    { certFile: c, keyFile: k, clientCaFile: ca, clientCertificates: ';
  assert.match(problems(`${rules}${tls}none }\n`), /auth\.certificates/);
  assert.equal(problems(`${rules}${tls}optional }\n`), '');
  assert.match(
    problems('http:\n  tls: { certFile: c, keyFile: k, clientCertificates: optional }\n'),
    /clientCaFile: is missing/,
  );
});

test('each scheme alone is enough to listen elsewhere than on loopback, and nothing is not', () => {
  const host = 'http:\n  host: 0.0.0.0\n';
  const schemes = [
    `tokens: [{ name: a, hash: "${HASH}" }]`,
    'jwt: { jwksUrl: "https://h/keys", issuer: i, audience: a }',
    `signedUrls: { keys: [{ id: a, secret: ${'s'.repeat(32)} }] }`,
    'callback: { url: "https://h/" }',
    'anonymous: [publish]',
  ];
  for (const scheme of schemes) assert.equal(problems(`${host}auth:\n  ${scheme}\n`), '', scheme);
  assert.match(problems(host), /http\.host: 0\.0\.0\.0 is no loopback address/);
  assert.match(problems(`${host}auth:\n  trustedProxies: [10.0.0.1]\n`), /no loopback address/);
});

test('patterns that no path can match, networks that are none and twins are errors', () => {
  const tokens = (entry: string) =>
    `auth:\n  tokens:\n    - { name: a, hash: "${HASH}", ${entry} }\n`;
  const path = (text: string) => tokens(`permissions: [{ action: publish, path: "${text}" }]`);
  for (const good of ['', '*', '/a', '/a/*', '~/a/[0-9]+']) assert.equal(problems(path(good)), '');
  for (const bad of ['a', '/a/*/b', '~(', '~a)|(?:b', '/a/../b']) {
    assert.match(problems(path(bad)), /server\.yaml:3: auth\.tokens\.0\..*is no path pattern/, bad);
  }
  assert.match(
    problems('auth:\n  trustedProxies: [proxy]\n'),
    /trustedProxies\.0: is no IP address/,
  );
  const twins = `${tokens('maxStreams: 1')}    - { name: b, hash: "${HASH}" }\n`;
  const text = problems(twins);
  assert.match(text, /auth\.tokens\.1\.hash: is that of another token/);
  assert.ok(!text.includes(HASH));
});

test('secrets are never quoted', () => {
  const secret = 'short but secret';
  for (const yaml of [
    `auth:\n  tokens: [{ name: a, hash: "${secret}" }]\n`,
    `auth:\n  signedUrls: { keys: [{ id: a, secret: "${secret}" }] }\n`,
    `auth:\n  callback: { url: "https://user:${secret}@h/" }\n`,
    `auth:\n  callback: { url: "https://h/", authorization: ["${secret}"] }\n`,
    `auth:\n  tokens: "${secret}"\n`,
  ]) {
    const text = problems(yaml);
    assert.ok(text.length > 0 && !text.includes(secret), text);
  }
});

test('lists of names can come from the environment', () => {
  const { auth } = load('', {
    UR_AUTH_TRUSTED_PROXIES: '10.0.0.0/8,::1',
    UR_AUTH_ANONYMOUS: 'read',
  });
  assert.deepEqual([auth.trustedProxies, auth.anonymous], [['10.0.0.0/8', '::1'], ['read']]);
});
