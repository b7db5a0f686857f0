import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Caller, signUploadUrl } from '../../../src/admission/index.js';
import { SignedUrlAuthenticator } from '../../../src/admission/signed-url.js';
import { caller, codeOf } from './support.js';

const OLD = { id: 'old', secret: 'o'.repeat(32) };
const NEW = { id: 'new', secret: 'n'.repeat(32) };
const NOW = Date.UTC(2030, 0, 1);
const urls = new SignedUrlAuthenticator([OLD, NEW], () => NOW);

function sign(url: string, more: { maxBytes?: number; method?: string; key?: typeof OLD } = {}) {
  const { key = NEW, ...rest } = more;
  const expires = new Date(NOW + 60_000);
  return signUploadUrl({ url, keyId: key.id, secret: key.secret, expires, ...rest });
}

function request(url: string, method = 'PUT'): Caller {
  const { pathname, search } = new URL(url);
  return caller({ method, path: pathname, query: search.slice(1) });
}

test('a signed URL lets in what it was signed for', () => {
  const found = urls.identify('publish', request(sign('http://h/upload/a?x=1&y', { maxBytes: 9 })));
  assert.deepEqual([found?.subject, found?.maxBodyBytes], ['key:new', 9]);
  assert.ok(found?.allows('publish', caller()));
  assert.ok(!found?.allows('read', caller()));
  const unlimited = urls.identify('publish', request(sign('http://h/upload')));
  assert.equal(unlimited?.maxBodyBytes, undefined);
});

test('each URL is counted for itself, however its signature is written', () => {
  const accountOf = (url: string) => urls.identify('publish', request(url))?.account;
  const one = sign('http://h/upload/a?x=1');
  assert.ok(accountOf(one));
  assert.notEqual(accountOf(sign('http://h/upload/a?x=2')), accountOf(one));
  assert.equal(accountOf(`${one}%3D`), accountOf(one));
});

test('the order of its parameters does not matter, that of the others does', async () => {
  const { pathname, searchParams } = new URL(sign('http://h/upload/a?x=1&y=2', { maxBytes: 5 }));
  const own = [...searchParams].filter(([name]) => name.startsWith('ur-'));
  const text = own.map(([name, value]) => `${name}=${value}`).reverse();
  const ask = (query: string) => urls.identify('publish', caller({ path: pathname, query }));
  assert.equal(ask([...text, 'x=1', 'y=2'].join('&'))?.maxBodyBytes, 5);
  assert.equal(ask(['x=1', ...text, 'y=2'].join('&'))?.maxBodyBytes, 5);
  const other = ['y=2', 'x=1', ...text].join('&');
  assert.equal(await codeOf(() => ask(other)), 'INVALID_SIGNATURE');
});

test('what is no number is refused, whoever has signed it', async () => {
  // As a signer in another language would do it that formats dates in its own way.
  const signature = (expires: string, maxBytes: string) => {
    const lines = ['upload-response-url-1', 'PUT', '/upload/a', '', expires, maxBytes, 'new'];
    return createHmac('sha256', NEW.secret).update(lines.join('\n')).digest('base64url');
  };
  const ask = (expires: string, maxBytes: string) => {
    const fields = { key: 'new', expires, 'max-bytes': maxBytes };
    const pairs = { ...fields, signature: signature(expires, maxBytes) };
    const query = Object.entries(pairs).map(([name, value]) => `ur-${name}=${value}`);
    return urls.identify('publish', caller({ query: query.join('&') }));
  };
  assert.ok(ask(String(NOW), '7'));
  for (const [expires, maxBytes] of [
    ['2031-01-01', '7'],
    ['never', '7'],
    ['1e99', '7'],
    ['', '7'],
    [String(NOW), 'many'],
    [String(NOW), '-1'],
    [String(NOW), '1e99'],
  ] as const) {
    assert.equal(await codeOf(() => ask(expires, maxBytes)), 'INVALID_SIGNATURE');
  }
});

test('both keys count while one takes the place of the other', async () => {
  const url = sign('http://h/upload/a', { key: OLD });
  assert.equal(urls.identify('publish', request(url))?.subject, 'key:old');
  const later = new SignedUrlAuthenticator([NEW], () => NOW);
  assert.equal(await codeOf(() => later.identify('publish', request(url))), 'INVALID_SIGNATURE');
});

test('it expires', async () => {
  const url = sign('http://h/upload/a');
  const at = (ms: number) => new SignedUrlAuthenticator([NEW], () => NOW + ms);
  assert.ok(at(59_999).identify('publish', request(url)));
  assert.equal(
    await codeOf(() => at(60_000).identify('publish', request(url))),
    'INVALID_SIGNATURE',
  );
});

test('nothing of it can be changed', async () => {
  const url = sign('http://h/upload/a?x=1', { maxBytes: 1000 });
  const changed = [
    url.replace('/upload/a', '/upload/b'),
    url.replace('x=1', 'x=2'),
    url.replace('x=1&', ''),
    url.replace('x=1', 'x=1&y=1'),
    url.replace('ur-max-bytes=1000', 'ur-max-bytes=9999'),
    url.replace('ur-max-bytes=1000&', ''),
    url.replace(/ur-expires=\d+/, 'ur-expires=9999999999'),
    url.replace('ur-key=new', 'ur-key=old'),
    url.replace('ur-key=new', 'ur-key=none'),
    url.replace(/ur-signature=.*/, 'ur-signature='),
    `${url}&ur-max-bytes=9999`,
    `${url}&ur-expires=9999999999`,
    `${url}x`,
  ];
  for (const one of changed) {
    const code = await codeOf(() => urls.identify('publish', request(one)));
    assert.equal(code, 'INVALID_SIGNATURE', one);
  }
  const posted = await codeOf(() => urls.identify('publish', request(url, 'POST')));
  assert.equal(posted, 'INVALID_SIGNATURE');
});

test('no two requests share a signature', () => {
  const text = fc.stringMatching(/^[a-z&=%\n]{0,6}$/);
  const signatureOf = (path: string, query: string) =>
    new URL(sign(`http://h/${encodeURI(path)}?${encodeURI(query)}`)).searchParams.get(
      'ur-signature',
    );
  fc.assert(
    fc.property(text, text, text, text, (path, query, otherPath, otherQuery) => {
      const one = new URL(`http://h/${encodeURI(path)}?${encodeURI(query)}`);
      const other = new URL(`http://h/${encodeURI(otherPath)}?${encodeURI(otherQuery)}`);
      const clean = ({ search }: URL) => search.replace(/^\?/, '').split('&').join('&');
      const same = one.pathname === other.pathname && clean(one) === clean(other);
      assert.equal(signatureOf(path, query) === signatureOf(otherPath, otherQuery), same);
    }),
  );
});

test('a URL without a signature is somebody else', () => {
  assert.equal(urls.identify('publish', caller({ query: 'x=ur-signature' })), undefined);
  assert.equal(urls.identify('publish', caller()), undefined);
});

test('what is no date or size cannot be signed', () => {
  const base = { url: 'http://h/', keyId: 'k', secret: 's' };
  assert.throws(() => signUploadUrl({ ...base, expires: new Date(Number.NaN) }), RangeError);
  assert.throws(() => signUploadUrl({ ...base, expires: new Date(), maxBytes: -1 }), RangeError);
});
