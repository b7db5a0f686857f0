import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { credentialsOf } from '../../../src/admission/credentials.js';
import type { Identity } from '../../../src/admission/identity.js';
import { JwtAuthenticator } from '../../../src/admission/jwt.js';
import type { JwtConfig } from '../../../src/admission/schemes-config.js';
import type { UploadResponseError } from '../../../src/errors/index.js';
import { auth, bearer, caller, codeOf } from './support.js';

const PERMISSIONS = [{ action: 'publish', path: '/upload/a' }];
const folder = mkdtempSync(join(tmpdir(), 'ur-jwt-'));
const keys = new Map<string, CryptoKey>();
let published: JWK[] = [];
let server: Server;
let url: string;
let fetches = 0;
let status = 200;

async function addKey(kid: string, alg = 'ES256'): Promise<JWK> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  keys.set(kid, privateKey);
  return { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
}

before(async () => {
  published = [await addKey('first')];
  server = createServer((_request, response) => {
    fetches++;
    response.writeHead(status).end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
});
after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

function authenticator(more: Partial<JwtConfig> = {}): JwtAuthenticator {
  const base = { jwksUrl: url, issuer: 'https://issuer', audience: 'uploads' };
  return new JwtAuthenticator(auth({ jwt: { ...base, ...more } }).jwt as JwtConfig);
}

interface Made {
  readonly kid?: string;
  readonly alg?: string;
  readonly issuer?: string;
  readonly audience?: string | string[];
  readonly expires?: number;
  readonly notBefore?: number;
  readonly claims?: Record<string, unknown>;
  readonly key?: CryptoKey | Uint8Array;
}

const seconds = () => Math.floor(Date.now() / 1000);

function make(made: Made = {}): Promise<string> {
  const { kid = 'first', alg = 'ES256', claims = { permissions: PERMISSIONS } } = made;
  const token = new SignJWT({ sub: 'camera\n7', ...claims })
    .setProtectedHeader({ alg, kid })
    .setIssuer(made.issuer ?? 'https://issuer')
    .setAudience(made.audience ?? 'uploads');
  if (made.expires !== 0) token.setExpirationTime(made.expires ?? seconds() + 600);
  if (made.notBefore) token.setNotBefore(made.notBefore);
  return token.sign(made.key ?? (keys.get(kid) as CryptoKey));
}

async function identify(one: JwtAuthenticator, token: string): Promise<Identity | undefined> {
  const who = bearer(token);
  return one.identify('publish', who, credentialsOf(who, 'token'));
}

const refused = async (made: Made, one = authenticator()) =>
  codeOf(async () => identify(one, await make(made)));

test('a token of the issuer is known, with the permissions of its claim', async () => {
  const found = await identify(
    authenticator(),
    await make({ claims: { permissions: PERMISSIONS, max_body_bytes: 7 } }),
  );
  assert.equal(found?.subject, 'jwt:camera?7');
  assert.equal(found?.maxBodyBytes, 7);
  assert.ok(found?.allows('publish', caller()));
  assert.ok(!found?.allows('publish', caller({ path: '/upload/b' })));
  assert.ok(!found?.allows('api', caller()));
  assert.ok(await identify(authenticator(), await make({ audience: ['x', 'uploads'] })));
});

test('wrong issuer, audience and times are refused', async () => {
  const code = 'INVALID_CREDENTIALS';
  assert.equal(await refused({ issuer: 'https://other' }), code);
  assert.equal(await refused({ audience: 'downloads' }), code);
  assert.equal(await refused({ expires: seconds() - 10 }), code);
  assert.equal(await refused({ expires: 0 }), code);
  assert.equal(await refused({ notBefore: seconds() + 60 }), code);
});

test('clocks may be apart by the tolerance', async () => {
  const tolerant = authenticator({ clockToleranceMs: 60_000 });
  assert.ok(await identify(tolerant, await make({ expires: seconds() - 30 })));
  assert.ok(await identify(tolerant, await make({ notBefore: seconds() + 30 })));
});

test('no algorithm but those of the configuration counts', async () => {
  const code = 'INVALID_CREDENTIALS';
  // The public key as HMAC secret: everybody has it.
  const secret = new TextEncoder().encode(JSON.stringify(published[0]));
  assert.equal(await refused({ alg: 'HS256', key: secret }), code);
  const none = new UnsecuredJWT({ permissions: PERMISSIONS })
    .setIssuer('https://issuer')
    .setAudience('uploads')
    .setExpirationTime('1h')
    .encode();
  assert.equal(await codeOf(() => identify(authenticator(), `${none}x`)), code);
  // Without a signature it does not even look like one.
  assert.equal(await identify(authenticator(), none), undefined);
  assert.equal(await refused({}, authenticator({ algorithms: ['RS256'] })), code);
  assert.throws(() =>
    auth({ jwt: { jwksUrl: url, issuer: 'i', audience: 'a', algorithms: ['HS256'] } }),
  );
  assert.throws(() =>
    auth({ jwt: { jwksUrl: url, issuer: 'i', audience: 'a', algorithms: ['none'] } }),
  );
});

test('a token that somebody else signed, or changed, is refused', async () => {
  const { privateKey } = await generateKeyPair('ES256');
  assert.equal(await refused({ key: privateKey }), 'INVALID_CREDENTIALS');
  const [head, , signature] = (await make()).split('.');
  const claims = {
    iss: 'https://issuer',
    aud: 'uploads',
    exp: seconds() + 60,
    permissions: [{ action: 'api' }],
  };
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  const code = await codeOf(() => identify(authenticator(), `${head}.${payload}.${signature}`));
  assert.equal(code, 'INVALID_CREDENTIALS');
});

test('a claim that is no list of permissions is refused, foreign actions are left out', async () => {
  const code = 'INVALID_CREDENTIALS';
  for (const permissions of [
    undefined,
    'publish',
    [{ path: '/' }],
    [{ action: 'publish', path: '~(' }],
  ]) {
    assert.equal(await refused({ claims: { permissions } }), code);
  }
  assert.equal(await refused({ claims: { permissions: PERMISSIONS, max_body_bytes: -1 } }), code);
  const permissions = [
    { action: 'playback', path: '' },
    { action: 'publish' },
    { action: 'api', path: 'stream-of-another-server' },
  ];
  const found = await identify(authenticator(), await make({ claims: { permissions } }));
  assert.ok(found?.allows('publish', caller({ path: '/anything' })));
  assert.ok(!found?.allows('api', caller()));
});

test('keys are fetched once, and again for a key that is new', async () => {
  const one = authenticator({ jwksCooldownMs: 0, cacheMs: 0 });
  const before = fetches;
  await identify(one, await make());
  await identify(one, await make());
  assert.equal(fetches, before + 1);
  published = [await addKey('second')];
  assert.ok(await identify(one, await make({ kid: 'second' })));
  assert.equal(fetches, before + 2);
  // The first key is gone from the set.
  assert.equal(await refused({ kid: 'first' }, one), 'INVALID_CREDENTIALS');
  published = [await addKey('first')];
});

test('a token that was verified is known at once until it is too old', async () => {
  const one = authenticator();
  const token = await make();
  const first = await identify(one, token);
  const who = bearer(token);
  assert.equal(one.identify('publish', who, credentialsOf(who, 'token')), first);
  const uncached = authenticator({ cacheMs: 0 });
  await identify(uncached, token);
  assert.ok(uncached.identify('publish', who, credentialsOf(who, 'token')) instanceof Promise);
});

test('tokens of one subject are one, and those of nobody are one each', async () => {
  const one = authenticator();
  const accountOf = async (claims: Record<string, unknown>) =>
    (await identify(one, await make({ claims: { permissions: PERMISSIONS, ...claims } })))?.account;
  const nobody = { sub: undefined };
  assert.equal(await accountOf({ jti: '1' }), await accountOf({ jti: '2' }));
  assert.notEqual(await accountOf({ sub: 'other' }), await accountOf({}));
  assert.notEqual(
    await accountOf({ ...nobody, jti: '1' }),
    await accountOf({ ...nobody, jti: '2' }),
  );
});

test('while the key set is away the last one counts, for a while', async () => {
  const ages = { jwksMaxAgeMs: 1000, jwksCooldownMs: 0, cacheMs: 0 };
  const patient = authenticator(ages);
  const impatient = authenticator({ ...ages, jwksStaleMs: 0 });
  const clock = mock.timers;
  clock.enable({ apis: ['Date'], now: Date.now() });
  try {
    for (const one of [patient, impatient]) assert.ok(await identify(one, await make()));
    status = 500;
    clock.tick(1001);
    assert.ok(await identify(patient, await make()));
    assert.equal(await refused({}, impatient), 'AUTH_UNAVAILABLE');
    // It may be new: nobody can know.
    const key = keys.get('first') as CryptoKey;
    assert.equal(await refused({ kid: 'unknown', key }, patient), 'AUTH_UNAVAILABLE');
    clock.tick(3_600_000);
    assert.equal(await refused({}, patient), 'AUTH_UNAVAILABLE');
  } finally {
    status = 200;
    clock.reset();
  }
});

test('after a fetch that failed nobody waits for the next one, for a second', async (t) => {
  let now = performance.now();
  t.mock.method(performance, 'now', () => now);
  status = 500;
  try {
    const one = authenticator();
    const before = fetches;
    for (let i = 0; i < 5; i++) assert.equal(await refused({}, one), 'AUTH_UNAVAILABLE');
    assert.equal(fetches, before + 1);
    now += 1001;
    assert.equal(await refused({}, one), 'AUTH_UNAVAILABLE');
    assert.equal(fetches, before + 2);
  } finally {
    status = 200;
  }
});

test('without the key set nobody is let in', async () => {
  status = 500;
  assert.equal(await refused({}), 'AUTH_UNAVAILABLE');
  status = 200;
  const nobody = authenticator({ jwksUrl: 'http://127.0.0.1:1/jwks.json' });
  assert.equal(await refused({}, nobody), 'AUTH_UNAVAILABLE');
});

test('the key set can be a file', async () => {
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify({ keys: published }));
  const one = authenticator({ jwksFile, jwksUrl: undefined });
  assert.ok(await identify(one, await make()));
  writeFileSync(jwksFile, 'secret, and no json');
  assert.throws(
    () => authenticator({ jwksFile, jwksUrl: undefined }),
    ({ code, message }: UploadResponseError) =>
      code === 'INVALID_CONFIG' && message.includes(jwksFile) && !message.includes('secret'),
  );
});

test('other tokens are left to others', async () => {
  assert.equal(await identify(authenticator(), 'ur_abc'), undefined);
});
