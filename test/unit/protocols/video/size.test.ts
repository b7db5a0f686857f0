import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import {
  h264Size,
  h265Size,
  setsSize,
  type VideoSize,
  vp8Size,
} from '../../../../src/protocols/video/index.js';
import { testWith } from '../../../support/program.js';

const run = promisify(execFile);
const IVF_HEAD_BYTES = 32 + 12;

/** One frame that ffmpeg has encoded, as its raw format has it. */
async function frame(size: string, format: string, ...options: string[]): Promise<Buffer> {
  const input = ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=25`, '-frames:v', '1'];
  const all = ['-v', 'error', ...input, ...options, '-f', format, '-'];
  const { stdout } = await run('ffmpeg', all, { encoding: 'buffer', timeout: 60_000 });
  return stdout;
}

const STREAMS: readonly [codec: 'h264' | 'h265', size: string, ...options: string[]][] = [
  ['h264', '1920x1080', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
  ['h264', '318x182', '-c:v', 'libx264', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p'],
  ['h264', '720x576', '-c:v', 'libx264', '-flags', '+ildct+ilme', '-pix_fmt', 'yuv420p'],
  ['h264', '177x99', '-c:v', 'libx264', '-pix_fmt', 'yuv444p'],
  ['h264', '322x179', '-c:v', 'libx264', '-pix_fmt', 'yuv422p'],
  ['h264', '640x360', '-c:v', 'libx264', '-x264-params', 'cqm=jvt', '-pix_fmt', 'yuv420p'],
  ['h265', '1920x1080', '-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
  ['h265', '318x182', '-c:v', 'libx265', '-x265-params', 'temporal-layers=2'],
  ['h265', '177x99', '-c:v', 'libx265', '-pix_fmt', 'yuv444p'],
];

for (const [codec, size, ...options] of STREAMS) {
  testWith('ffmpeg', `${codec} of ${size}, ${options.slice(2).join(' ')}`, async () => {
    const [width, height] = size.split('x').map(Number) as [number, number];
    const bytes = await frame(size, codec === 'h264' ? 'h264' : 'hevc', ...options);
    assert.deepEqual(setsSize(codec, bytes), { width, height });
    assert.equal(setsSize(codec === 'h264' ? 'h265' : 'h264', bytes), undefined);
  });
}

testWith('ffmpeg', 'VP8', async () => {
  const bytes = await frame('318x182', 'ivf', '-c:v', 'libvpx');
  const key = bytes.subarray(IVF_HEAD_BYTES);
  assert.deepEqual(vp8Size(key), { width: 318, height: 182 });
  assert.equal(vp8Size(Buffer.from([key[0] as number | 1, ...key.subarray(1, 9)])), undefined);
});

test('what is no parameter set, or is cut, has no size', () => {
  const whole = Buffer.from('6742c01ed900a02ff97011000003000100000300320f162e48', 'hex');
  assert.deepEqual(h264Size(whole), { width: 640, height: 360 } satisfies VideoSize);
  for (let length = 0; length < 10; length++) {
    assert.equal(h264Size(whole.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(setsSize('h264', Buffer.alloc(0)), undefined);
});

test('any bytes give a size that can be, or none', () => {
  const possible = (size: VideoSize | undefined) =>
    size === undefined ||
    [size.width, size.height].every((one) => Number.isInteger(one) && one > 0 && one <= 65_536);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
      for (const head of [[0x67], [0x42, 0x01], []]) {
        const nal = Buffer.from([...head, ...bytes]);
        if (!possible(h264Size(nal)) || !possible(h265Size(nal)) || !possible(vp8Size(nal))) {
          return false;
        }
      }
      return true;
    }),
    { numRuns: 2000 },
  );
});
