import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const module = readFileSync(new URL('../../../sdk/browser/upload-response.js', import.meta.url));

/** What a page loads for it, as a server would send it. */
const MAX_GZIP_BYTES = 5 * 1024;

test('the module for pages is small, and depends on nothing', (context) => {
  const bytes = gzipSync(module).length;
  context.diagnostic(`${module.length} bytes, ${bytes} by gzip`);
  assert.ok(bytes <= MAX_GZIP_BYTES, `${bytes} bytes`);
  assert.doesNotMatch(module.toString(), /^\s*import\b|\bimport\(|\brequire\(/m);
});
