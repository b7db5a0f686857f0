import assert from 'node:assert/strict';
import { runProgram } from './program.js';

/**
 * Hashes of what one track of a file decodes to, in order. Whatever the decoder complains about fails.
 * `input`: options of ffmpeg for the file, such as its format.
 */
export async function decoded(
  file: string,
  track: 'v' | 'a',
  input: readonly string[] = [],
): Promise<string[]> {
  const args = ['-hide_banner', '-loglevel', 'error', ...input, '-i', file, '-map', `0:${track}`];
  const { stdout, code, stderr } = await runProgram(
    'ffmpeg',
    [...args, '-f', 'framemd5', '-'],
    180,
  );
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const lines = stdout.split('\n').filter((line) => /^\d/.test(line));
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '');
}
