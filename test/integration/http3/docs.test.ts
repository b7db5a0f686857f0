import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { sample, sha256 } from '../../conformance/tools.js';
import { runProgram } from '../../support/program.js';
import { TestServer } from '../../support/test-server.js';
import { HTTP3 } from './support.js';

const page = readFileSync(new URL('../../../docs/transports/http3.md', import.meta.url), 'utf8');

test('the client of the documentation uploads', { timeout: 240_000 }, async () => {
  const server = await TestServer.start({ transports: HTTP3 });
  try {
    const body = sample(3_000_001);
    const file = server.file('big.bin');
    writeFileSync(file, body);
    const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
    const program = code
      .replaceAll('8443', String(server.port('https', 'http3')))
      .replace("'big.bin'", JSON.stringify(file))
      .replace("':path': '/upload'", "':path': '/upload/hash'");
    const args = ['--input-type=module', '--eval', program];
    const { stdout, stderr, code: exit } = await runProgram(process.execPath, args);
    assert.equal(exit, 0, stderr);
    assert.equal(JSON.parse(stdout).sha256, sha256(body));
  } finally {
    await server.stop();
  }
});
