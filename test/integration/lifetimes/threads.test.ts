import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('threads.mjs', import.meta.url));
/** Each ends at another moment. */
const ROUNDS = 12;

describe('ends in the middle', { timeout: 120_000 }, () => {
  for (const what of ['attach', 'calls', 'rtmp', 'srt']) {
    it(`a thread: ${what}`, async () => {
      const { code, output } = await run([what, String(ROUNDS)]);
      assert.equal(output, 'done\n');
      assert.equal(code, 0);
    });
  }

  for (const what of ['rtmp', 'srt']) {
    it(`process.exit: ${what}`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { code, output } = await run([what, 'exit']);
        assert.equal(output, '');
        assert.equal(code, 0);
      }
    });
  }
});

/** `code`: of the exit, or the signal that ended it. */
async function run(args: string[]): Promise<{ code: number | string; output: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { timeout: 100_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: code ?? signal ?? '', output };
}
