import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UploadResponseError } from '../../../src/errors/index.js';
import { errorAnswer } from '../../../src/ingress/error-answer.js';
import {
  endToEndHeaders,
  parseContentLength,
  trailerFields,
} from '../../../src/ingress/headers.js';
import { readResponseHead, readTrailers } from '../../../src/ingress/response-head.js';
import { encodeHeaders, type Header } from '../../../src/protocols/hpks/index.js';

const slot = (status: number, headers: readonly Header[] = []) =>
  encodeHeaders(1, { kind: 'response', version: 1, status, headers });

test('end-to-end fields keep their order and duplicates, in lower case', () => {
  const list: Header[] = [
    ['Set-Cookie', 'a=1'],
    ['Connection', 'X-Hop, keep-alive'],
    ['x-hop', '1'],
    ['Keep-Alive', 'timeout=5'],
    ['Set-Cookie', 'b=2'],
    ['TE', 'trailers'],
    ['Expect', '100-continue'],
  ];
  assert.deepEqual(endToEndHeaders(list, 'expect'), [
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ]);
});

test('Connection cannot hide the length', () => {
  const list: Header[] = [
    ['connection', 'content-length'],
    ['content-length', '5'],
  ];
  assert.deepEqual(endToEndHeaders(list), [['content-length', '5']]);
});

test('trailers that change the message are dropped', () => {
  const list: Header[] = [
    ['X-Sum', '1'],
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'chunked'],
    ['Host', 'x'],
  ];
  assert.deepEqual(trailerFields(list), [['x-sum', '1']]);
  assert.deepEqual(readTrailers(slot(200, list)), [['x-sum', '1']]);
});

test('a Content-Length is digits, and not too many', () => {
  assert.equal(parseContentLength('0'), 0);
  assert.equal(parseContentLength('123456789012345'), 123_456_789_012_345);
  for (const text of ['', '-1', '+1', '1.0', '0x1', '1 ', ' 1', '1,1', '1234567890123456']) {
    assert.equal(parseContentLength(text), undefined, text);
  }
});

test('a response head is checked', () => {
  const start = readResponseHead(slot(201, [['Content-Length', '3']]), false);
  assert.deepEqual(start, {
    status: 201,
    headers: [['content-length', '3']],
    contentLength: 3,
    bodyless: false,
  });
  for (const status of [100, 103, 199, 600, 999]) {
    assert.throws(() => readResponseHead(slot(status), false), { code: 'INVALID_RESPONSE' });
  }
  assert.throws(() => readResponseHead(new Uint8Array(0), false), { code: 'INVALID_RESPONSE' });
});

test('204 and 205 have no length, 304 and HEAD may have one', () => {
  const length: Header[] = [['content-length', '3']];
  assert.deepEqual(readResponseHead(slot(204, length), false).headers, []);
  assert.equal(readResponseHead(slot(205, length), false).contentLength, undefined);
  const notModified = readResponseHead(slot(304, length), false);
  assert.deepEqual([notModified.bodyless, notModified.contentLength], [true, 3]);
  assert.equal(readResponseHead(slot(200, length), true).bodyless, true);
});

test('an error answer says what, why and what to do', () => {
  const answer = errorAnswer(new UploadResponseError('NO_FREE_STREAM', 'detail'));
  assert.equal(answer.status, 503);
  const headers = new Map(answer.headers);
  assert.equal(headers.get('retry-after'), '1');
  assert.equal(headers.get('content-length'), String(Buffer.byteLength(answer.body)));
  const { error, message, remedy, reason } = JSON.parse(answer.body);
  assert.equal(error, 'NO_FREE_STREAM');
  assert.match(message, /: detail$/);
  assert.ok(remedy);
  assert.equal(reason, undefined);
});

test('a veto chooses among the error statuses', () => {
  const error = new UploadResponseError('VETOED', 'no');
  for (const [given, expected] of [
    [0, 422],
    [200, 422],
    [99, 422],
    [600, 422],
    [403, 403],
    [599, 599],
  ] as const) {
    const { status, body } = errorAnswer(error, { status: given, reason: 'no' });
    assert.equal(status, expected);
    assert.equal(JSON.parse(body).reason, 'no');
  }
});
