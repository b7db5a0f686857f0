import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { TestServer } from '../../support/test-server.js';
import { ask, bearer, Helper, verdict } from './support.js';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'uploads';
const keys = new Map<string, CryptoKey>();
let published: JWK[] = [];
let keyServer: Helper;
let server: TestServer;

async function addKey(kid: string): Promise<JWK> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  keys.set(kid, privateKey);
  return { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
}

const publish: Helper['answer'] = (response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ keys: published }));
};

const config = (jwksUrl: string, more: object = {}) => ({
  jwt: {
    jwksUrl,
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksCooldownMs: 0,
    jwksTimeoutMs: 60_000,
    cacheMs: 0,
    ...more,
  },
});

before(async () => {
  published = [await addKey('first')];
  keyServer = await Helper.start();
  keyServer.answer = publish;
  server = await TestServer.start({ auth: config(keyServer.url) });
});
afterEach(() => {
  keyServer.answer = publish;
});
after(async () => {
  await server?.stop();
  await keyServer?.stop();
});

interface Made {
  readonly kid?: string;
  readonly key?: CryptoKey | Uint8Array;
  readonly alg?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string | undefined;
  readonly claims?: object;
}

const HERE = { permissions: [{ action: 'publish', path: '/upload/hash' }], sub: 'camera 7' };

async function make(made: Made = {}): Promise<string> {
  const { kid = 'first', alg = 'ES256', claims = HERE } = made;
  const token = new SignJWT({ ...claims })
    .setProtectedHeader({ alg, kid })
    .setIssuer(made.issuer ?? ISSUER)
    .setAudience(made.audience ?? AUDIENCE);
  if (!('expires' in made)) token.setExpirationTime('10m');
  else if (made.expires) token.setExpirationTime(made.expires);
  return token.sign(made.key ?? (keys.get(kid) as CryptoKey));
}

const uploaded = async (made?: Made, to = server) =>
  verdict(to, { headers: bearer(await make(made)) });

test('the right token lets in, for what its claim permits', async () => {
  assert.equal(await uploaded(), '200');
  const headers = bearer(await make());
  assert.equal(await verdict(server, { path: '/upload/echo', headers }), '403 FORBIDDEN');
  const reads = { permissions: [{ action: 'read' }] };
  assert.equal(await uploaded({ claims: reads }), '403 FORBIDDEN');
  assert.equal(await verdict(server, {}), '401 UNAUTHENTICATED');
});

test('a token brings its largest body', async () => {
  const claims = { ...HERE, max_body_bytes: 4 };
  assert.equal(await uploaded({ claims }), '200');
  assert.equal(await uploaded({ claims: { ...HERE, max_body_bytes: 3 } }), '413 BODY_TOO_LARGE');
});

test('everything else about it must be right', async () => {
  const refused = '401 INVALID_CREDENTIALS';
  assert.equal(await uploaded({ expires: '-10m' }), refused);
  assert.equal(await uploaded({ expires: undefined }), refused);
  assert.equal(await uploaded({ issuer: 'https://other.example' }), refused);
  assert.equal(await uploaded({ audience: 'downloads' }), refused);
  assert.equal(await uploaded({ claims: { permissions: 'publish' } }), refused);
  const stranger = await generateKeyPair('ES256');
  assert.equal(await uploaded({ key: stranger.privateKey }), refused);
  const known = new TextEncoder().encode(JSON.stringify(published[0]));
  assert.equal(await uploaded({ alg: 'HS256', key: known }), refused);
  const [, payload] = (await make()).split('.');
  const none = Buffer.from(JSON.stringify({ alg: 'none', kid: 'first' })).toString('base64url');
  for (const token of [`${none}.${payload}.`, `${none}.${payload}.x`]) {
    assert.equal(await verdict(server, { headers: bearer(token) }), refused);
  }
});

test('a key that is new is fetched, one that is gone does not count any more', async () => {
  assert.equal(await uploaded(), '200');
  published = [...published, await addKey('second')];
  assert.equal(await uploaded({ kid: 'second' }), '200');
  assert.equal(await uploaded(), '200');
  published = published.slice(1);
  // An unknown key makes the server look again, and see that the first one is gone.
  published = [...published, await addKey('third')];
  assert.equal(await uploaded({ kid: 'third' }), '200');
  assert.equal(await uploaded(), '401 INVALID_CREDENTIALS');
  published = [await addKey('first')];
});

test('while the key server is away, known keys count and others are told to come again', async () => {
  const away = await Helper.start();
  away.answer = publish;
  const other = await TestServer.start({ auth: config(away.url) });
  try {
    assert.equal(await uploaded({}, other), '200');
    await away.stop();
    assert.equal(await uploaded({}, other), '200');
    const key = keys.get('first') as CryptoKey;
    const unknown = bearer(await make({ kid: 'unknown', key }));
    const refused = await ask(other, { headers: unknown });
    assert.deepEqual([refused.status, refused.error], [503, 'AUTH_UNAVAILABLE']);
    assert.equal(refused.headers['retry-after'], '1');
    await other.free();
  } finally {
    await other.stop();
  }
});

test('a key server that was never there, fails or is slow lets nobody in', async () => {
  const gone = await Helper.start();
  const { url } = gone;
  await gone.stop();
  const unavailable = '503 AUTH_UNAVAILABLE';
  const never = await TestServer.start({ auth: config(url) });
  try {
    assert.equal(await uploaded({}, never), unavailable);
    // Whoever is no JWT is not its business.
    assert.equal(await verdict(never, { headers: bearer('x') }), '401 INVALID_CREDENTIALS');
  } finally {
    await never.stop();
  }
  const broken: Helper['answer'][] = [
    (response) => response.writeHead(500).end(),
    (response) => response.end('no json'),
    (response) => response.end('{"keys":"none"}'),
    (response) => response.writeHead(302, { location: keyServer.url }).end(),
    () => {},
  ];
  for (const answer of broken) {
    keyServer.answer = answer;
    const slow = await TestServer.start({ auth: config(keyServer.url, { jwksTimeoutMs: 100 }) });
    try {
      assert.equal(await uploaded({}, slow), unavailable);
      await slow.free();
    } finally {
      await slow.stop();
    }
  }
});

test('nothing of a token is logged or left behind', async () => {
  const token = await make({ claims: { ...HERE, max_body_bytes: 1 } });
  await verdict(server, { headers: bearer(token) });
  await server.free();
  assert.ok(!server.log.join('\n').includes(token.split('.')[2] as string));
});
