// The lines of docs/control-api.md do what the page says.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testWith } from '../../support/program.js';
import { expectNothingLeft, noise, setUp } from './remote.js';

/** Each command of the page is a process of its own. */
const TIMEOUT_MS = 240_000;
const page = readFileSync(
  fileURLToPath(new URL('../../../docs/control-api.md', import.meta.url)),
  'utf8',
);

testWith(
  'curl',
  'the page on the control API can be followed as it stands',
  async (t) => {
    const { server, api } = await setUp(t);
    const folder = mkdtempSync(join(tmpdir(), 'ur-docs-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'photo.jpg'), noise(300_000).bytes);
    const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines]) => lines);
    assert.ok(blocks.length >= 7);
    const script = ['set -eu', ...blocks].join('\n');
    const here = script.replaceAll('http://127.0.0.1:8080', server.url(''));
    assert.notEqual(here, script);
    const output = await new Promise<string>((resolve, reject) => {
      const options = { cwd: folder, timeout: 200_000 };
      execFile('bash', ['-c', here], options, (error, stdout, stderr) =>
        error ? reject(new Error(`${error.message}\n${stdout}\n${stderr}`)) : resolve(stdout),
      );
    });
    assert.doesNotMatch(output, /"error"/);
    assert.match(output, /a fine picture/);
    assert.match(output, /"method":"PUT"/);
    await expectNothingLeft(server, api);
  },
  TIMEOUT_MS,
);

testWith('curl', 'every operation of the page is one, and the other way round', async (t) => {
  const { api } = await setUp(t);
  const { paths } = await api.document;
  const places = (path: string) => path.replaceAll(/\{\w+\}/g, '{}');
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => {
      return `${method.toUpperCase()} ${places(path.slice('/_upload_response/'.length))}`;
    }),
  );
  const named = [...page.matchAll(/`(GET|PUT|POST|DELETE) ([a-z][^`?]*)/g)].map(
    ([, method, path]) => `${method} ${places(path as string)}`,
  );
  const unknown = named.filter((one) => !served.includes(one));
  assert.deepEqual(unknown, []);
  // Of stages the page says that they are as the others are.
  const unnamed = served.filter((one) => !one.includes('/stages/') && !named.includes(one));
  assert.deepEqual(unnamed, [
    'GET streams/{}/response/last',
    'GET streams/{}/response/slots/{}',
    'GET openapi.json',
  ]);
});
