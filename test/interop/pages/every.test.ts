import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pageOf } from './page.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const docs = fileURLToPath(new URL('../../../docs/transports', import.meta.url));

/** Tested elsewhere: what its commands need is the installed engine and a browser with a window. */
const ELSEWHERE: Readonly<Record<string, readonly RegExp[]>> = {
  // test/interop/http3.test.ts starts Chromium with the same options, without a window.
  'http3.md': [/^npm install @currentspace\/http3@/, /^KEY=\$\(openssl/],
};

test('the lines of every page of docs/transports are run', () => {
  const tests = readdirSync(here)
    .filter((name) => name.endsWith('.test.ts') && name !== 'every.test.ts')
    .map((name) => readFileSync(`${here}/${name}`, 'utf8'));
  for (const name of readdirSync(docs)) {
    const { commands } = pageOf(name);
    if (commands.length === 0 || tests.some((text) => text.includes(`pageOf('${name}')`))) continue;
    const known = ELSEWHERE[name] ?? [];
    const unknown = commands.filter((command) => !known.some((one) => one.test(command)));
    assert.deepEqual(unknown, [], name);
  }
});
