import assert from 'node:assert/strict';
import { runProgram } from '../../support/program.js';

export const CLIP_FRAMES = 50;

/** Two seconds of H.264 with B-frames and AAC; the container is what the file's name says. */
export async function makeClip(file: string): Promise<void> {
  const sources = [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
  ];
  const codecs = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '25', '-c:a', 'aac'];
  const args = ['-loglevel', 'error', ...sources, '-frames:v', String(CLIP_FRAMES), '-t', '2'];
  const { code, stderr } = await runProgram('ffmpeg', [...args, ...codecs, file], 120);
  assert.equal(code, 0, stderr);
}
