import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decoded } from '../support/decoded.js';
import { type Printed, runProgram, testWith } from '../support/program.js';
import { type MediaReport, RtmpServer } from '../support/rtmp.js';
import { certificate } from '../support/test-server.js';

const TIMEOUT_MS = 240_000;
const VIDEO = 0x1b;
const AUDIO = 0x0f;

function ffmpeg(args: readonly string[]): Promise<Printed> {
  return runProgram('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], 180);
}

/** The video packets of a clip, with times in milliseconds. */
async function packets(clip: string) {
  const select = ['-select_streams', 'v', '-show_entries', 'packet=flags,dts,pts', '-of', 'json'];
  const { stdout } = await runProgram('ffprobe', ['-loglevel', 'error', ...select, clip]);
  const { packets: found } = JSON.parse(stdout) as {
    packets: { dts: number; pts: number; flags: string }[];
  };
  return found.map(({ dts, pts, flags }) => ({
    key: flags.startsWith('K'),
    dts: dts - (found[0]?.dts ?? 0),
    late: pts - dts,
  }));
}

function fileOf({ files }: MediaReport, type: number): string {
  return files.find((file) => file.endsWith(`-${type}`)) ?? assert.fail(`no units of type ${type}`);
}

/** 1080p H.264 with B-frames, and AAC. */
async function makeClip(clip: string): Promise<void> {
  const sources = [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=1920x1080:rate=25'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
  ];
  const codecs = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '25', '-c:a', 'aac'];
  const made = await ffmpeg([...sources, '-t', '4', ...codecs, clip]);
  assert.equal(made.code, 0, made.stderr);
}

for (const scheme of ['rtmp', 'rtmps'] as const) {
  testWith(
    'ffmpeg',
    `ffmpeg over ${scheme}: frames and sound decode to the same`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'ur-rtmp-'));
      const server = await RtmpServer.start({ tls: { port: 0, ...(await certificate(folder)) } });
      try {
        const clip = join(folder, 'clip.flv');
        await makeClip(clip);
        const url = `${scheme}://127.0.0.1:${server.port(scheme)}/live/a-key`;
        const pushed = await ffmpeg(['-i', clip, '-c', 'copy', '-f', 'flv', url]);
        assert.equal(pushed.code, 0, pushed.stderr);
        await checkClip(await server.report('body'), clip);
        await server.server.free();
      } finally {
        await server.stop();
        rmSync(folder, { recursive: true });
      }
    },
    TIMEOUT_MS,
  );
}

async function checkClip(body: MediaReport, clip: string): Promise<void> {
  assert.equal(body.path, '/rtmp/live/a-key');
  const fields = new Map(body.headers);
  assert.equal(fields.get('x-rtmp-app'), 'live');
  assert.equal(fields.get('x-rtmp-stream-key'), 'a-key');
  assert.match(fields.get('x-peer-addr') ?? '', /^127\.0\.0\.1:\d+$/);
  assert.equal(Buffer.from(fields.get('x-rtmp-video-config') ?? '', 'base64')[0], 1);
  assert.ok(fields.has('x-rtmp-audio-config'));
  assert.equal(JSON.parse(fields.get('x-rtmp-metadata') ?? '{}').width, 1920);

  assert.equal(body.rest, 0);
  const { units } = body;
  assert.deepEqual(
    units.map(({ id }) => id),
    units.map((_, i) => i),
  );
  const video = units.filter(({ type }) => type === VIDEO);
  assert.deepEqual(
    video.map(({ key, dts, pts }) => ({ key, dts: dts - (video[0]?.dts ?? 0), late: pts - dts })),
    await packets(clip),
  );
  assert.ok(video.some(({ dts, pts }) => pts > dts));

  const frames = await decoded(clip, 'v');
  assert.equal(frames.length, 100);
  assert.deepEqual(await decoded(fileOf(body, VIDEO), 'v', ['-f', 'h264']), frames);
  assert.deepEqual(
    await decoded(fileOf(body, AUDIO), 'a', ['-f', 'aac']),
    await decoded(clip, 'a'),
  );
}

testWith(
  'ffmpeg',
  'ffmpeg with a user and a password: authmod=adobe, and the refusal of a wrong password',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ur-rtmp-'));
    const server = await RtmpServer.start({ users: [{ name: 'ann', password: 'secret' }] });
    try {
      const clip = join(folder, 'clip.flv');
      const source = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '1'];
      const made = await ffmpeg([...source, '-c:v', 'libx264', clip]);
      assert.equal(made.code, 0, made.stderr);
      const push = (user: string) =>
        ffmpeg([
          ...['-i', clip, '-c', 'copy', '-f', 'flv'],
          `rtmp://${user}127.0.0.1:${server.port()}/live/key`,
        ]);
      for (const user of ['', 'ann:wrong@', 'bob:secret@']) {
        assert.notEqual((await push(user)).code, 0, `${user} was let in`);
      }
      const pushed = await push('ann:secret@');
      assert.equal(pushed.code, 0, pushed.stderr);
      const body = await server.report('body');
      assert.equal(body.path, '/rtmp/live/key');
      assert.equal(body.units.length, 25);
      assert.equal(server.stats.refusedTotal.UNAUTHENTICATED, 2);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  TIMEOUT_MS,
);
