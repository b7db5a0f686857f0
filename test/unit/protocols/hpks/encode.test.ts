import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeFrame,
  encodeBody,
  encodedHeadersSize,
  encodedMessageSize,
  encodeEnd,
  encodeHeaders,
  encodeHeadersInto,
  encodeMessage,
  encodeMessageInto,
  type Head,
  MAX_HEADERS,
  type RequestHead,
  type ResponseHead,
} from '../../../../src/protocols/hpks/index.js';

const request: RequestHead = {
  kind: 'request',
  version: 1,
  method: 'GET',
  path: '/',
  headers: [['host', 'example.com']],
};
const response: ResponseHead = { kind: 'response', version: 2, status: 200, headers: [] };

describe('encodeHeaders', () => {
  const refused: [string, Head, string][] = [
    ['an unknown kind', { ...request, kind: 'other' } as unknown as Head, 'HPKS_BAD_KIND'],
    ['HTTP version 0', { ...request, version: 0 } as unknown as Head, 'HPKS_BAD_HTTP_VERSION'],
    ['HTTP version 4', { ...response, version: 4 } as unknown as Head, 'HPKS_BAD_HTTP_VERSION'],
    ['status 99', { ...response, status: 99 }, 'HPKS_BAD_STATUS'],
    ['status 1000', { ...response, status: 1000 }, 'HPKS_BAD_STATUS'],
    ['status 200.5', { ...response, status: 200.5 }, 'HPKS_BAD_STATUS'],
    ['status NaN', { ...response, status: Number.NaN }, 'HPKS_BAD_STATUS'],
    ['an empty method', { ...request, method: '' }, 'HPKS_BAD_METHOD'],
    ['an empty header name', { ...request, headers: [['', 'x']] }, 'HPKS_BAD_HEADER_NAME'],
    ['a pseudo-header', { ...request, headers: [[':path', '/']] }, 'HPKS_BAD_HEADER_NAME'],
    ['a char above U+00FF', { ...request, headers: [['x', '\u0141']] }, 'HPKS_BAD_HEADER_VALUE'],
    [
      'a header value that is a number',
      { ...request, headers: [['content-length', 5]] } as unknown as Head,
      'HPKS_BAD_HEADER_VALUE',
    ],
    [
      'too many headers',
      { ...response, headers: Array(MAX_HEADERS + 1).fill(['x', '']) },
      'HPKS_TOO_MANY_HEADERS',
    ],
  ];
  for (const [name, head, code] of refused) {
    it(`refuses ${name}`, () => assert.throws(() => encodeHeaders(1, head), { code }));
  }

  it('takes as many headers as a frame may have', () => {
    const headers = Array(MAX_HEADERS).fill(['x', 'y']);
    const result = decodeFrame(encodeHeaders(1, { ...response, headers }));
    assert.ok(!result.needMore && result.frame.type === 'headers');
    assert.deepEqual(result.frame.head.headers, headers);
  });

  it('takes an empty scheme and authority as absent', () => {
    const bytes = encodeHeaders(1, { ...request, scheme: '', authority: '' });
    assert.deepEqual(bytes, encodeHeaders(1, request));
    const result = decodeFrame(bytes);
    assert.ok(!result.needMore);
    assert.deepEqual(result.frame, { type: 'headers', streamId: 1n, head: request });
  });

  it('takes stream ids from 0 to 2^64-1, as numbers and bigints', () => {
    for (const id of [0, 1, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
      assert.deepEqual(encodeEnd(id), encodeEnd(BigInt(id)));
    }
    for (const id of [0n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      const result = decodeFrame(encodeEnd(id));
      assert.ok(!result.needMore);
      assert.equal(result.frame.streamId, id);
    }
    for (const id of [-1, 0.5, 2 ** 53, Number.NaN, -1n, 2n ** 64n]) {
      assert.throws(() => encodeEnd(id), { code: 'INVALID_ARGUMENT' });
      assert.throws(() => encodeBody(id, new Uint8Array(1)), { code: 'INVALID_ARGUMENT' });
    }
  });

  it('writes into a target of the exact size and not behind it', () => {
    const expected = encodeHeaders(9, request);
    const size = encodedHeadersSize(request);
    assert.equal(size, expected.length);
    const target = new Uint8Array(size + 3).fill(0xaa);
    assert.equal(encodeHeadersInto(target, 9, request), size);
    assert.deepEqual(target.subarray(0, size), expected);
    assert.deepEqual([...target.subarray(size)], [0xaa, 0xaa, 0xaa]);
    assert.equal(encodeHeadersInto(new Uint8Array(size), 9, request), size);
    const small = new Uint8Array(size - 1);
    assert.throws(() => encodeHeadersInto(small, 9, request), { code: 'HPKS_TOO_LONG' });
    assert.ok(small.every((byte) => byte === 0));
  });

  it('writes into a view, a Buffer and shared memory alike', () => {
    const size = encodedHeadersSize(request);
    const view = new Uint8Array(new SharedArrayBuffer(size + 8), 4, size);
    const buffer = Buffer.alloc(size);
    encodeHeadersInto(view, 3, request);
    encodeHeadersInto(buffer, 3, request);
    assert.deepEqual(new Uint8Array(view), encodeHeaders(3, request));
    assert.deepEqual(new Uint8Array(buffer), encodeHeaders(3, request));
  });

  it('sizes varints at their edges', () => {
    for (const length of [0, 1, 31, 32, 33, 127, 128, 16383, 16384]) {
      const head: Head = { ...response, headers: [['x', 'v'.repeat(length)]] };
      const bytes = encodeHeaders(1, head);
      assert.equal(bytes.length, encodedHeadersSize(head));
      const result = decodeFrame(bytes);
      assert.ok(!result.needMore && result.frame.type === 'headers');
      assert.deepEqual(result.frame.head, head);
      assert.equal(result.consumed, bytes.length);
    }
  });
});

describe('encodeMessage', () => {
  it('writes into a target of the exact size', () => {
    const body = Buffer.from('hello');
    const size = encodedMessageSize(request, body.length);
    const target = new Uint8Array(size + 1);
    assert.equal(encodeMessageInto(target, request, body), size);
    assert.deepEqual(target.subarray(0, size), encodeMessage(request, body));
    const small = new Uint8Array(size - 1);
    assert.throws(() => encodeMessageInto(small, request, body), { code: 'HPKS_TOO_LONG' });
  });

  it('takes no body as an empty one', () => {
    assert.deepEqual(encodeMessage(response), encodeMessage(response, new Uint8Array(0)));
  });
});
