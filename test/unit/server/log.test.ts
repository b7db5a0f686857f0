// The log of a process whose standard error nobody reads for a while.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { runProgram } from '../../support/program.js';
import { within } from '../../support/until.js';

const WRITER = `
  import { createLog } from './src/server/log.ts';
  const logs = createLog({ level: 'info', pretty: false }, 'test');
  const text = 'x'.repeat(1000);
  for (let line = 0; line < 8000; line++) logs.log.info({ line, text }, 'a line');
  process.stdout.write(JSON.stringify({ dropped: logs.droppedLines }) + '\\n');
  process.stdin.once('data', async () => {
    logs.setLevel('warn');
    logs.log.info({}, 'too quiet');
    await logs.flush();
    logs.log.warn({}, 'the last one');
    await logs.flush();
    process.exit(0);
  });
`;

test('what others chose does not speak to the terminal', async () => {
  const program = `
    import { createLog } from './src/server/log.ts';
    const { log } = createLog({ level: 'info', pretty: true }, 'server-2');
    log.info({ path: '/\\u001b[2Ja\\nb\\u2028', none: null }, 'said \\u0007');
  `;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const { code, stderr } = await runProgram(process.execPath, args);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^\d\d:\d\d:\d\d info {2}said \? {2}process=server-2 {2}path=\/\?\[2Ja\?b\?\n$/,
  );
});

test('nobody waits for the reader of the log, and what is kept is whole', async () => {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', WRITER];
  const child = spawn(process.execPath, args, { stdio: 'pipe' });
  try {
    // Only now somebody reads: the process has written all its lines.
    const [said] = await within(once(child.stdout, 'data'), 'the writer to be through');
    const { dropped } = JSON.parse(String(said)) as { dropped: number };
    assert.ok(dropped > 0 && dropped < 8000, String(dropped));
    let text = '';
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    child.stdin.write('go on\n');
    const [code] = await within(once(child, 'close'), 'its end');
    assert.equal(code, 0);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(lines.length, 8000 - dropped + 1);
    assert.deepEqual(
      lines.slice(0, 3).map(({ line }) => line),
      [0, 1, 2],
    );
    assert.equal(lines.at(-1).msg, 'the last one');
    assert.equal(lines.at(-1).process, 'test');
  } finally {
    child.kill('SIGKILL');
  }
});
