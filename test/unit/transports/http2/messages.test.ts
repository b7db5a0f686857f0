import assert from 'node:assert/strict';
import type { Http2ServerRequest } from 'node:http2';
import { describe, it } from 'node:test';
import { outgoingHeaders } from '../../../../src/transports/http2/answers.js';
import { checkRequest, headBytes, parseRequest } from '../../../../src/transports/http2/request.js';

/** What Node makes of these fields. */
function request(...fields: readonly (readonly [string, string])[]): Http2ServerRequest {
  const all = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', 'example.org'],
    [':path', '/upload?a=b'],
    ...fields,
  ] as const;
  const headers = Object.fromEntries(all);
  return {
    headers,
    rawHeaders: all.flat(),
    method: headers[':method'],
    url: headers[':path'],
    stream: { endAfterHeaders: false },
  } as unknown as Http2ServerRequest;
}

describe('parseRequest', () => {
  it('keeps order and duplicates, without pseudo-header fields and those of the connection', () => {
    const { head } = parseRequest(
      request(['x', '2'], ['te', 'trailers'], ['y', ''], ['expect', '100-continue'], ['x', '1']),
      'https',
    );
    assert.deepEqual(head, {
      kind: 'request',
      version: 2,
      method: 'POST',
      scheme: 'https',
      authority: 'example.org',
      path: '/upload?a=b',
      headers: [
        ['x', '2'],
        ['y', ''],
        ['x', '1'],
      ],
    });
  });

  it('says the scheme of the connection', () => {
    assert.equal(parseRequest(request(), 'http').head.scheme, 'http');
  });

  it('makes one cookie of the crumbs, in the place of the first', () => {
    const { head } = parseRequest(request(['cookie', 'a'], ['x', '1'], ['cookie', 'b']), 'http');
    assert.deepEqual(head.headers, [
      ['cookie', 'a; b'],
      ['x', '1'],
    ]);
  });

  it('knows the declared length', () => {
    assert.equal(parseRequest(request(['content-length', '7']), 'http').contentLength, 7);
    assert.equal(parseRequest(request(), 'http').contentLength, undefined);
    const endless = request(['content-length', '9'.repeat(16)]);
    assert.throws(() => parseRequest(endless, 'http'), { code: 'BAD_REQUEST' });
  });
});

describe('checkRequest', () => {
  it('counts 32 bytes for each field, as RFC 9113 section 6.5.2 does', () => {
    const bytes = headBytes(request(['x', 'abc'])) - headBytes(request());
    assert.equal(bytes, 32 + 'x'.length + 'abc'.length);
    const size = headBytes(request());
    checkRequest(request(), size);
    assert.throws(() => checkRequest(request(), size - 1), { code: 'HEAD_TOO_LARGE' });
  });

  it('knows one expectation', () => {
    checkRequest(request(['expect', '100-Continue']), 10_000);
    assert.throws(() => checkRequest(request(['expect', 'more']), 10_000), {
      code: 'EXPECTATION_FAILED',
    });
  });
});

describe('outgoingHeaders', () => {
  it('joins lines of one field, keeps those of Set-Cookie apart, and trims', () => {
    const fields = outgoingHeaders([
      ['etag', '"a"'],
      ['set-cookie', 'a=1'],
      ['etag', '"b"'],
      ['set-cookie', 'b=2'],
      ['x', ' \tv \t'],
      ['http2-settings', 'AAA'],
    ]);
    assert.deepEqual(Object.entries(fields), [
      ['etag', '"a", "b"'],
      ['set-cookie', ['a=1', 'b=2']],
      ['x', 'v'],
    ]);
  });

  it('takes any token for a name', () => {
    const fields = outgoingHeaders([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    assert.deepEqual(Object.entries(fields), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
