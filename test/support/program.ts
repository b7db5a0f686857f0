import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';

/** What a program printed, and how it ended. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  /** -1 when it was ended by its watchdog or a signal. */
  readonly code: number;
}

/** Runs another program to its end; ends it after `seconds`. */
export function runProgram(name: string, args: readonly string[], seconds = 60): Promise<Printed> {
  return new Promise((resolve) => {
    const options = { timeout: seconds * 1000, maxBuffer: 64 * 2 ** 20 };
    execFile(name, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ stdout, stderr, code });
    });
  });
}

const present = new Map<string, Promise<boolean>>();

function isPresent(name: string): Promise<boolean> {
  let known = present.get(name);
  if (!known) {
    known = runProgram('which', [name]).then(({ code }) => code === 0);
    present.set(name, known);
  }
  return known;
}

/** A test that needs a program: skipped with a notice where it is missing, failed under STRICT=1. */
export function testWith(
  program: string,
  name: string,
  run: (context: TestContext) => Promise<void>,
  timeoutMs = 120_000,
): void {
  test(name, { timeout: timeoutMs }, async (context) => {
    if (await isPresent(program)) return run(context);
    if (process.env.STRICT === '1') assert.fail(`${program} is missing`);
    context.skip(`${program} is missing`);
  });
}
