import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalPath, compilePath } from '../../../src/admission/path-pattern.js';

const matches = (pattern: string, path: string): boolean =>
  compilePath(pattern)(canonicalPath(path));

const segment = fc.stringMatching(/^[A-Za-z0-9_~-]{1,8}$/);
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((all) => `/${all.join('/')}`);

test('an exact pattern means one path', () => {
  fc.assert(
    fc.property(path, path, (pattern, other) => {
      assert.ok(matches(pattern, pattern));
      assert.equal(matches(pattern, other), pattern === other);
      assert.ok(!matches(pattern, `${pattern}/`));
      assert.ok(!matches(pattern, `${pattern}x`));
    }),
  );
});

test('a prefix means everything below it, and neither itself nor a longer name', () => {
  fc.assert(
    fc.property(path, path, (prefix, below) => {
      assert.ok(matches(`${prefix}/*`, `${prefix}${below}`));
      assert.ok(!matches(`${prefix}/*`, prefix));
      assert.ok(!matches(`${prefix}/*`, `${prefix}x${below}`));
    }),
  );
});

test('no way of writing .. leads out of a prefix', () => {
  const dot = fc.constantFrom('.', '%2e', '%2E');
  const slash = fc.constantFrom('/', '%2f', '%2F', '\\', '%5c', '%5C');
  fc.assert(
    fc.property(path, dot, dot, slash, slash, path, (prefix, one, two, before, after, below) => {
      assert.ok(!matches(`${prefix}/*`, `${prefix}/a${before}${one}${two}${after}${below}`));
      assert.ok(!matches(`~${prefix}/.*`, `${prefix}/a${before}${one}${two}`));
      assert.ok(matches('', `${prefix}/a${before}${one}${two}`));
    }),
  );
});

test('percent-encoding of unreserved characters changes nothing', () => {
  fc.assert(
    fc.property(path, fc.nat(), (text, at) => {
      const index = 1 + (at % (text.length - 1));
      const character = text[index] as string;
      if (character === '/') return;
      const code = `%${character.charCodeAt(0).toString(16)}`;
      const encoded = text.slice(0, index) + code + text.slice(index + 1);
      assert.ok(matches(text, encoded));
      assert.ok(matches(encoded, text));
    }),
  );
});

test('a regular expression must match from end to end', () => {
  assert.ok(matches('~/upload/cam[0-9]+', '/upload/cam12'));
  assert.ok(!matches('~/upload/cam[0-9]+', '/upload/cam12/x'));
  assert.ok(!matches('~/upload/cam[0-9]+', '/x/upload/cam12'));
  assert.ok(!matches('~/a|/b', '/ax'));
  assert.throws(() => compilePath('~('), SyntaxError);
});

test('no regular expression can leave the group around it', () => {
  assert.throws(() => compilePath('~a)|(?:.*'), SyntaxError);
});

test('an encoded slash is a slash to no regular expression', () => {
  for (const separator of ['%2f', '%2F', '%5c', '\\']) {
    assert.ok(!matches('~/upload/[^/]+', `/upload/a${separator}b`));
    assert.ok(matches('/upload/*', `/upload/a${separator}b`));
    assert.ok(!matches('/upload/a/*', `/upload/a${separator}b`));
  }
  assert.ok(matches('/upload/a%2fb', '/upload/a%2Fb'));
});

test('a path that others may read in another way needs leave for every path', () => {
  const strange = [
    '/upload/a/..;/b',
    '/upload/a/.%3b/b',
    '/upload/a#/b',
    '/upload/a%',
    '/upload/%zz',
  ];
  for (const one of strange) {
    assert.ok(!matches('/upload/*', one), one);
    assert.ok(!matches('~/upload/.*', one), one);
    assert.ok(matches('*', one), one);
  }
  assert.ok(matches('/upload/*', '/upload/a..b/..c/d..;x'));
});

test('what no path can match is no pattern', () => {
  for (const one of ['upload/a', '/a/*/b', '/a*', '/a/../b', '/a/../*', '**']) {
    assert.throws(() => compilePath(one), SyntaxError, one);
  }
});

test('nothing and a star mean every path', () => {
  fc.assert(fc.property(fc.string(), (text) => matches('', text) && matches('*', text)));
});
