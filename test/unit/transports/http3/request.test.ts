import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Header } from '../../../../src/protocols/hpks/index.js';
import {
  callerOf,
  isBelow,
  parseRequest,
  sizeOf,
} from '../../../../src/transports/http3/request.js';

const PSEUDO: readonly Header[] = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', 'localhost:8443'],
  [':path', '/upload/a?b=c'],
];
const without = (name: string) => PSEUDO.filter(([one]) => one !== name);
const parse = (...fields: Header[]) => parseRequest([...PSEUDO, ...fields]);

describe('a request over HTTP/3', () => {
  test('becomes the head that workers see', () => {
    const { head, contentLength, authorization } = parse(
      ['content-length', '12'],
      ['x-a', '1'],
      ['cookie', 'a=1'],
      ['x-a', '2'],
      ['cookie', 'b=2'],
      ['authorization', 'Bearer t'],
      ['expect', '100-continue'],
    );
    assert.deepEqual(
      [head.kind, head.version, head.method, head.scheme, head.authority, head.path],
      ['request', 3, 'POST', 'https', 'localhost:8443', '/upload/a?b=c'],
    );
    assert.deepEqual(head.headers, [
      ['content-length', '12'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['authorization', 'Bearer t'],
      ['cookie', 'a=1; b=2'],
    ]);
    assert.equal(contentLength, 12);
    assert.equal(authorization, 'Bearer t');
  });

  test('may name its host instead of its authority, or both alike', () => {
    const fields: Header[] = [...without(':authority'), ['host', 'example.org']];
    assert.equal(parseRequest(fields).head.authority, 'example.org');
    assert.equal(parse(['host', 'localhost:8443']).head.authority, 'localhost:8443');
  });

  test('is malformed in many ways', () => {
    const cases: readonly (readonly [readonly Header[], RegExp])[] = [
      [without(':method'), /:method/],
      [without(':scheme'), /:scheme/],
      [without(':path'), /:path/],
      [without(':authority'), /neither/],
      [[...PSEUDO, [':path', '/other']], /two :path/],
      [[...PSEUDO, [':status', '200']], /":status"/],
      [[...PSEUDO, [':protocol', 'websocket']], /":protocol"/],
      [[['x', 'y'], ...PSEUDO], /follows a field/],
      [[...PSEUDO, ['X-Upper', '1']], /lower case/],
      [[...PSEUDO, ['', '1']], /no field name/],
      [[...PSEUDO, ['x y', '1']], /no field name/],
      [[...PSEUDO, ['x', 'a\r\nb']], /value of x/],
      [[...PSEUDO, ['x', 'a\0']], /value of x/],
      [[...PSEUDO, ['x', ' a']], /value of x/],
      [[...PSEUDO, ['upgrade', 'h2c']], /upgrade/],
      [[...PSEUDO, ['authorization', 'a'], ['authorization', 'b']], /Authorization/],
      [[...PSEUDO, ['te', 'trailers, gzip']], /te is not/],
      [[...PSEUDO, ['host', 'a'], ['host', 'a']], /more than one Host/],
      [[...PSEUDO, ['content-length', '-1']], /Content-Length/],
      [[...PSEUDO, ['content-length', '5'], ['content-length', '5']], /Content-Length/],
      [[...without(':method'), [':method', 'BAD METHOD']], /:method/],
      [[...without(':method'), [':method', 'CONNECT']], /CONNECT/],
      [[...without(':path'), [':path', 'a/b']], /:path/],
      [[...without(':path'), [':path', '/a b']], /:path/],
      [[...without(':authority'), [':authority', 'a\nb']], /:authority/],
      [[...without(':authority'), [':authority', 'me@host']], /names a user/],
    ];
    for (const [fields, message] of cases) {
      assert.throws(
        () => parseRequest(fields),
        (error: Error & { code?: string }) =>
          error.code === 'BAD_REQUEST' && message.test(error.message),
        `${message}`,
      );
    }
  });

  test('is below the prefix or not, whatever is encoded', () => {
    assert.equal(isBelow('/upload', '/upload'), true);
    assert.equal(isBelow('/upload', '/upload?x'), true);
    assert.equal(isBelow('/upload', '/upload/a/b'), true);
    assert.equal(isBelow('/upload', '/uplo%61d/a'), true);
    assert.equal(isBelow('/upload', '/uploads'), false);
    assert.equal(isBelow('/upload', '/upload%2Fa'), false);
    assert.equal(isBelow('/', '/anything'), true);
    assert.throws(() => isBelow('/upload', '/upload/%'), { code: 'BAD_REQUEST' });
  });

  test('has a caller and a size', () => {
    const request = parse(
      ['content-length', '12'],
      ['authorization', 'Bearer t'],
      ['x-forwarded-for', '192.0.2.1'],
      ['x-forwarded-for', '192.0.2.2'],
    );
    assert.deepEqual(callerOf('http3', '::1', request), {
      transport: 'http3',
      peer: '::1',
      method: 'POST',
      path: '/upload/a',
      query: 'b=c',
      authorization: 'Bearer t',
      forwardedFor: '192.0.2.1,192.0.2.2',
      certificate: undefined,
      contentLength: 12,
    });
    assert.equal(sizeOf([['ab', 'cde']]), 37);
  });
});
