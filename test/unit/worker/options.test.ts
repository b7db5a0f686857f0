import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestHead } from '../../../src/protocols/hpks/index.js';
import { headerList, headerValue } from '../../../src/worker/head.js';
import { resolveOptions } from '../../../src/worker/options.js';
import { code } from './fixture.js';

const head = (path: string): RequestHead => ({
  kind: 'request',
  version: 1,
  method: 'POST',
  path,
  headers: [],
});

test('paths match whole segments', () => {
  const { wants } = resolveOptions({ paths: ['/a', '/dir/'] });
  for (const path of ['/a', '/a?x', '/a/b', '/dir/x', '/dir/'])
    assert.equal(wants(head(path)), true);
  for (const path of ['/ab', '/', '/dir', '/b/a']) assert.equal(wants(head(path)), false);
});

test('without paths and filter everything is wanted; with both, both must agree', () => {
  assert.equal(resolveOptions({}).wants(head('/x')), true);
  const { wants } = resolveOptions({ paths: ['/a'], filter: ({ path }) => path.length > 2 });
  assert.deepEqual(
    [wants(head('/a')), wants(head('/a/b')), wants(head('/bbb'))],
    [false, true, false],
  );
});

test('defaults, and what is refused', () => {
  const previous = process.env.UR_SOCKET;
  process.env.UR_SOCKET = '/somewhere/s.sock';
  try {
    const { socket, concurrency, observes, body } = resolveOptions({});
    assert.deepEqual([socket, concurrency, observes], ['/somewhere/s.sock', 16, false]);
    assert.deepEqual(body, { copy: false, verify: false });
  } finally {
    if (previous === undefined) delete process.env.UR_SOCKET;
    else process.env.UR_SOCKET = previous;
  }
  assert.ok(resolveOptions({ observer: true }).concurrency > 1000);
  for (const concurrency of [0, -1, 1.5, Number.NaN, 1e9]) {
    assert.throws(() => resolveOptions({ concurrency }), code('INVALID_ARGUMENT'));
  }
});

test('an option that does not exist is refused by its name', () => {
  const misspelled = { concurency: 3 } as object;
  assert.throws(() => resolveOptions(misspelled), {
    message: /no option "concurency"; .*concurrency/,
  });
});

test('headers are taken from pairs, Headers and objects', () => {
  assert.deepEqual(headerList(undefined), []);
  assert.deepEqual(
    headerList([
      ['A', '1'],
      ['a', '2'],
    ]),
    [
      ['A', '1'],
      ['a', '2'],
    ],
  );
  assert.deepEqual(headerList(new Headers({ 'X-A': '1' })), [['x-a', '1']]);
  assert.deepEqual(headerList({ a: ['1', '2'], b: 3 }), [
    ['a', '1'],
    ['a', '2'],
    ['b', '3'],
  ]);
  assert.deepEqual(headerList(new Map([['a', '1']])), [['a', '1']]);
  const headers = [
    ['Accept', 'a'],
    ['accept', 'b'],
    ['x', ''],
  ] as const;
  assert.equal(headerValue(headers, 'ACCEPT'), 'a, b');
  assert.equal(headerValue(headers, 'x'), '');
  assert.equal(headerValue(headers, 'none'), undefined);
});
