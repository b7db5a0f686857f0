import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { mock, test } from 'node:test';
import { credentialsOf } from '../../../src/admission/credentials.js';
import type { Identity } from '../../../src/admission/identity.js';
import type { Caller } from '../../../src/admission/index.js';
import { createToken, hashChosenToken } from '../../../src/admission/index.js';
import {
  isChosenToken,
  parseTokenHash,
  type ScryptHash,
  TOKEN_HASH_PATTERN,
} from '../../../src/admission/token-hash.js';
import { TokenAuthenticator } from '../../../src/admission/tokens.js';
import { auth, bearer, caller, codeOf } from './support.js';

const random = createToken();
const other = createToken();
const entries = auth({
  tokens: [
    { name: 'one', hash: random.hash, permissions: [{ action: 'publish', path: '/upload/a' }] },
    { name: 'two', hash: other.hash, maxBodyBytes: 5, maxStreams: 7 },
  ],
}).tokens;

const identify = (tokens: TokenAuthenticator, who: Caller) =>
  tokens.identify('publish', who, credentialsOf(who, 'token'));

test('a random token is known at once, wherever the protocol carries it', () => {
  const tokens = new TokenAuthenticator(entries);
  const basic = Buffer.from(`somebody:${random.token}`).toString('base64');
  const ways: Partial<Caller>[] = [
    { authorization: `Bearer ${random.token}` },
    { authorization: `bearer  ${random.token} ` },
    { authorization: `Basic ${basic}` },
    { query: `x=1&token=${random.token}` },
    { streamKey: random.token },
    { user: 'somebody', password: random.token },
  ];
  for (const way of ways) {
    const found = identify(tokens, caller(way)) as Identity;
    assert.equal(found.subject, 'one');
    assert.ok(found.allows('publish', caller()));
    assert.ok(!found.allows('publish', caller({ path: '/upload/b' })));
    assert.ok(!found.allows('read', caller()));
  }
});

test('a token brings its own limits', () => {
  const found = identify(new TokenAuthenticator(entries), bearer(other.token)) as Identity;
  assert.deepEqual([found.maxBodyBytes, found.maxStreams], [5, 7]);
});

test('no two entries have one token', () => {
  const { hash } = random;
  const twice = [
    { name: 'one', hash },
    { name: 'two', hash },
  ];
  assert.throws(
    () => auth({ tokens: twice }),
    ({ message }: Error) => /another token/.test(message) && !message.includes(hash),
  );
});

test('nothing else is known', () => {
  const tokens = new TokenAuthenticator(entries);
  const wrong = [random.token.slice(0, -1), `${random.token}x`, random.hash, '', 'one'];
  for (const token of wrong) assert.equal(identify(tokens, bearer(token)), undefined);
  assert.equal(identify(tokens, caller({ authorization: random.token })), undefined);
  assert.equal(identify(tokens, caller({ authorization: `Digest ${random.token}` })), undefined);
});

test('digests are compared by timingSafeEqual', () => {
  const spy = mock.method(crypto, 'timingSafeEqual');
  syncBuiltinESMExports();
  try {
    const found = identify(new TokenAuthenticator(entries), bearer(random.token)) as Identity;
    assert.equal(found.subject, 'one');
    assert.equal(spy.mock.callCount(), 1);
  } finally {
    spy.mock.restore();
    syncBuiltinESMExports();
  }
});

test('a chosen token is known after a slow hash, and at once from then on', async () => {
  const hash = await hashChosenToken('correct horse');
  assert.match(hash, TOKEN_HASH_PATTERN);
  const tokens = new TokenAuthenticator(auth({ tokens: [{ name: 'obs', hash }] }).tokens);
  const slow = identify(tokens, bearer('wrong'));
  assert.ok(slow instanceof Promise);
  assert.equal(await slow, undefined);
  const who = caller({ streamKey: 'correct horse' });
  assert.equal((await identify(tokens, who))?.subject, 'obs');
  assert.equal((identify(tokens, who) as Identity).subject, 'obs');
  // Whoever names a user means that user's entry.
  const stranger = caller({ user: 'nobody', password: 'wrong' });
  assert.equal(await identify(tokens, stranger), undefined);
});

test('only so many guesses are checked at once', async () => {
  const hash = await hashChosenToken('correct horse');
  const tokens = new TokenAuthenticator(auth({ tokens: [{ name: 'obs', hash }] }).tokens);
  const guesses = Array.from({ length: 20 }, (_, i) =>
    codeOf(() => identify(tokens, bearer(`guess${i}`))),
  );
  const codes = await Promise.all(guesses);
  assert.deepEqual(new Set(codes), new Set(['none', 'AUTH_UNAVAILABLE']));
  assert.equal(codes.filter((code) => code === 'none').length, 8);
  assert.equal(await identify(tokens, bearer('again')), undefined);
});

test('the two kinds of hashes are what they say', async () => {
  assert.match(random.hash, TOKEN_HASH_PATTERN);
  assert.match(random.token, /^ur_[\w-]{43}$/);
  const hash = parseTokenHash(await hashChosenToken('x')) as ScryptHash;
  assert.equal(hash.options.N, 16_384);
  assert.ok(await isChosenToken('x', hash));
  assert.ok(!(await isChosenToken('y', hash)));
  for (const bad of ['sha256:short', 'md5:aaaa', 'scrypt:30:8:1:a:b', 'plain']) {
    assert.throws(() => auth({ tokens: [{ name: 'a', hash: bad }] }));
  }
});
