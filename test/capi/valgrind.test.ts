// The tests of the C interface once more under valgrind, which also sees what the sanitizers do not:
// uninitialised memory.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../support/program.js';
import { root } from './support.js';

const names = readdirSync(join(root, 'native/test'))
  .filter((name) => /^capi_.*_test\.cc$/.test(name))
  .map((name) => name.slice(0, -'.cc'.length));

test('there are tests of the C interface', () => assert.ok(names.length > 5));

for (const name of names) {
  test(`${name} under valgrind`, { timeout: 480_000 }, async () => {
    // Valgrind runs one thread at a time; without turns a thread that looks again and again starves the
    // one that it waits for.
    const turns = '--fair-sched=yes';
    const checks = ['-q', turns, '--error-exitcode=9', '--leak-check=full', '--num-callers=20'];
    const leaks = '--errors-for-leak-kinds=definite,indirect,possible';
    const command = ['valgrind', ...checks, leaks, join(root, 'out/dev', name)];
    const printed = await runProgram('env', ['UR_TEST_SECONDS=0.5', ...command], 470);
    assert.equal(printed.code, 0, printed.stdout + printed.stderr);
  });
}
