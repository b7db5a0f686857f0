import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllowedOrigin } from '../../../../src/transports/websocket/origin.js';

const CASES: readonly (readonly [
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
  expected: boolean,
])[] = [
  [undefined, 'a.example', [], true],
  ['https://a.example', 'a.example', [], true],
  ['http://a.example', 'a.example:80', [], true],
  ['https://a.example', 'a.example:443', [], true],
  ['https://a.example:8443', 'a.example:8443', [], true],
  ['HTTPS://A.Example', 'a.example', [], true],
  ['https://[::1]:8443', '[::1]:8443', [], true],
  ['https://a.example:8443', 'a.example', [], false],
  ['https://a.example', 'a.example:8443', [], false],
  ['https://a.example.evil.example', 'a.example', [], false],
  ['https://evil.example', 'a.example', [], false],
  ['https://evil.example', undefined, [], false],
  ['null', 'null', [], false],
  ['', '', [], false],
  ['file://', '', [], false],
  ['data:,', '', [], false],
  ['not an origin', 'a.example', [], false],
  ['https://app.example', 'a.example', ['https://app.example'], true],
  ['https://app.example', 'a.example', ['https://APP.example'], true],
  ['https://app.example:444', 'a.example', ['https://app.example'], false],
  ['http://app.example', 'a.example', ['https://app.example'], false],
  ['null', 'a.example', ['null'], true],
  ['https://evil.example', 'a.example', ['*'], true],
];

for (const [origin, host, allowed, expected] of CASES) {
  test(`${origin} at ${host} with [${allowed}]: ${expected}`, () => {
    assert.equal(isAllowedOrigin(origin, host, allowed), expected);
  });
}
