import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { attach, type Observation, type Worker } from '../../../src/worker/index.js';
import { runProgram, testWith } from '../../support/program.js';
import { SrtServer } from '../../support/srt.js';
import { until, within } from '../../support/until.js';

const TIMEOUT_MS = 240_000;
const PACKET = 188;
const LATE_BYTES = 400_000;

const next = async (worker: Worker<Observation>): Promise<Observation> =>
  (await worker[Symbol.asyncIterator]().next()).value as Observation;

const mediaOf = (server: SrtServer) =>
  [...server.server.server.ingress.facts().values()][0]?.media ?? undefined;

/** A picture of 640x360 at 25 frames a second, a keyframe each second, and sound. */
function publish(server: SrtServer): ChildProcess {
  const to = `srt://127.0.0.1:${server.port('live')}?streamid=live&pkt_size=1316`;
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'];
  const sound = ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-b:v', '2M'];
  const codecs = [...video, '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2'];
  const args = ['-v', 'error', ...picture, ...sound, ...codecs, '-f', 'mpegts', to];
  return spawn('ffmpeg', args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

testWith(
  'ffmpeg',
  'what a live caller sends is known, and a late worker begins with a keyframe',
  async () => {
    // What is late is dropped, and a busy machine is late.
    const server = await SrtServer.start({ latencyMs: 3000 });
    let ffmpeg: ChildProcess | undefined;
    let observer: Worker<Observation> | undefined;
    try {
      ffmpeg = publish(server);
      await until(() => (mediaOf(server)?.video?.keyframes ?? 0) >= 3, 'keyframes', 120_000);
      const { video, audio, dropped } = mediaOf(server) ?? {};
      assert.deepEqual([video?.codec, video?.width, video?.height], ['h264', 640, 360]);
      assert.deepEqual([audio?.codec, audio?.sampleRate, audio?.channels], ['aac', 48_000, 2]);
      assert.ok(Math.abs((video?.framesPerSecond ?? 0) - 25) < 1, `${video?.framesPerSecond} fps`);
      assert.ok((video?.bitsPerSecond ?? 0) > 100_000, `${video?.bitsPerSecond} bit/s`);
      assert.ok(video?.keyframeAgeMs !== null && dropped === 0);
      const { socket } = server.server.server;
      observer = await attach({ socket, observer: true, from: 'keyframe' });
      const late = await within(next(observer), 'the late one to be given the stream', 120_000);
      const pieces: Buffer[] = [];
      await late.run(async ({ request }) => {
        let size = 0;
        for await (const { bytes } of request.body) {
          pieces.push(Buffer.from(bytes));
          size += bytes.length;
          if (size >= LATE_BYTES) break;
        }
      });
      const body = Buffer.concat(pieces);
      assert.equal(body[0], 0x47);
      // The tables come first, so that a decoder misses nothing of the keyframe.
      const firstPids = Array.from(
        { length: 8 },
        (_, i) => body.readUInt16BE(i * PACKET + 1) & 0x1fff,
      );
      assert.ok(firstPids.indexOf(0) < firstPids.indexOf(0x100), `PIDs ${firstPids}`);
      const file = server.server.file('late.ts');
      writeFileSync(file, body.subarray(0, body.length - (body.length % PACKET)));
      await assertBeginsWithKeyframe(file);
    } finally {
      ffmpeg?.kill('SIGKILL');
      await server.stop();
      await observer?.stop();
    }
  },
  TIMEOUT_MS,
);

async function assertBeginsWithKeyframe(file: string): Promise<void> {
  const entries = ['-select_streams', 'v', '-show_entries', 'packet=flags,pts', '-of', 'csv=p=0'];
  const packets = await runProgram('ffprobe', ['-v', 'error', ...entries, file]);
  assert.deepEqual([packets.code, packets.stderr], [0, '']);
  assert.match(packets.stdout.split('\n')[0] ?? '', /K/);
  const decode = ['-v', 'error', '-i', file, '-map', 'v', '-f', 'framemd5', '-'];
  const decoded = await runProgram('ffmpeg', decode);
  const frames = decoded.stdout.split('\n').filter((line) => /^\d/.test(line));
  const sent = packets.stdout.split('\n').filter((line) => line !== '').length;
  // The last one is cut off.
  assert.ok(frames.length >= sent - 1, `${frames.length} of ${sent} frames`);
}
