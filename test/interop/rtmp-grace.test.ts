import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, testWith } from '../support/program.js';
import { RtmpServer } from '../support/rtmp.js';
import { until } from '../support/until.js';

const VIDEO = 0x1b;
const QUIET = ['-hide_banner', '-loglevel', 'error'];

async function ffmpeg(...args: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await runProgram('ffmpeg', [...QUIET, '-y', ...args], 120);
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
}

testWith(
  'ffmpeg',
  'ffmpeg killed and started again: the worker reads one stream, and it decodes',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ur-grace-'));
    const server = await RtmpServer.start({ graceMs: 600_000 });
    let first: ChildProcess | undefined;
    try {
      const clip = join(folder, 'clip.flv');
      const sources = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
      const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
      const codecs = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-c:a', 'aac'];
      await ffmpeg(...sources, ...sound, '-t', '4', ...codecs, clip);
      const url = `rtmp://127.0.0.1:${server.port()}/live/a-key`;
      // Slowly, so that it can be killed in the middle.
      first = spawn('ffmpeg', [...QUIET, '-re', '-i', clip, '-c', 'copy', '-f', 'flv', url]);
      await until(() => server.reports.some(({ count = 0 }) => count >= 60), 'some units');
      first.kill('SIGKILL');
      await once(first, 'close');
      await ffmpeg('-i', clip, '-c', 'copy', '-f', 'flv', url);

      const body = await server.report('body');
      assert.equal(server.reports.filter(({ event }) => event === 'opened').length, 1);
      assert.equal(body.rest, 0);
      for (const type of [VIDEO, 0x0f]) {
        const times = body.units.filter((one) => one.type === type).map(({ dts }) => dts);
        assert.ok(times.every((dts, i) => i === 0 || dts >= (times[i - 1] as number)));
      }
      const video = body.units.filter(({ type }) => type === VIDEO);
      assert.equal(video.slice(-100)[0]?.key, true);
      const file = body.files.find((one) => one.endsWith(`-${VIDEO}`)) as string;
      const hashes = await ffmpeg('-f', 'h264', '-i', file, '-f', 'framemd5', '-');
      const decoded = hashes.split('\n').filter((line) => /^\d/.test(line));
      assert.equal(decoded.length, video.length);
      await server.server.free();
    } finally {
      first?.kill('SIGKILL');
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  },
  240_000,
);
