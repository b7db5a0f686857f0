import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { StreamType } from '../../../src/protocols/access-unit/index.js';
import { decoded } from '../../support/decoded.js';
import { decodeVideo, unitsOf } from '../../support/media-files.js';
import { testWith } from '../../support/program.js';
import type { MediaReport } from '../../support/rtmp.js';
import { until } from '../../support/until.js';
import { CLIP_FRAMES, makeClip } from './clip.js';
import { pageOf, testLines } from './page.js';
import { PageServer } from './page-server.js';

const page = pageOf('rtmp.md');
/** Of a live line: how many units are awaited. */
const LIVE_UNITS = 60;
let server: PageServer;

const [yaml = ''] = page.blocks('yaml');
const ports = { 1935: 'rtmp rtmp', 1936: 'rtmp rtmps' };

before(async () => {
  server = await PageServer.start({ yaml, ports, worker: 'media' });
  await makeClip(server.file('clip.mp4'));
});
after(() => server?.stop());

const fileOf = ({ files }: MediaReport, type: number) =>
  files.find((file) => file.endsWith(`-${type}`)) ?? '';

/** The clip has arrived: its frames, and its sound. */
async function publishClip(command: string): Promise<void> {
  const from = server.reports.length;
  const { code, stderr } = await server.shell(command);
  assert.equal(code, 0, stderr);
  const body = await server.report<MediaReport>('body', from);
  assert.equal(body.path, '/rtmp/live/my-key');
  const frames = await decoded(server.file('clip.mp4'), 'v');
  assert.equal(frames.length, CLIP_FRAMES);
  assert.deepEqual(await decoded(fileOf(body, StreamType.h264), 'v', ['-f', 'h264']), frames);
  // MP4 tells players to leave the encoder's first frame of sound out; ADTS cannot say that.
  const sound = await decoded(server.file('clip.mp4'), 'a', ['-ignore_editlist', '1']);
  assert.deepEqual(await decoded(fileOf(body, StreamType.aac), 'a', ['-f', 'aac']), sound);
}

testWith(
  'ffmpeg',
  'rtmp.md: the worker that records',
  async () => {
    const [script = ''] = page.blocks('js');
    // The recorder may be late on a busy machine.
    const patient = `${yaml}limits:\n  noWorkerTimeoutMs: 60000\n`;
    const alone = await PageServer.start({ yaml: patient, ports });
    writeFileSync(alone.file('record.mjs'), script);
    await makeClip(alone.file('clip.mp4'));
    // Waits for the publication.
    const stopAfter = published(alone);
    try {
      await alone.shell('exec node record.mjs', { stopAfter });
      await stopAfter;
      const raw = await decoded(alone.file('video.h264'), 'v', ['-f', 'h264']);
      assert.deepEqual(raw, await decoded(alone.file('clip.mp4'), 'v'));
    } finally {
      await alone.stop();
    }
  },
  240_000,
);

/** The page's first publication has ended. Until the recorder is there, nobody takes it. */
async function published(alone: PageServer): Promise<void> {
  const [command = ''] = page.commands.filter((line) => line.startsWith('ffmpeg -re -i clip'));
  const { code, stderr } = await alone.shell(command);
  assert.equal(code, 0, stderr);
  const frames = async () => {
    const video = alone.file('video.h264');
    return existsSync(video) && (await decodeVideo(video, 'h264')).frames === CLIP_FRAMES;
  };
  await until(frames, 'every frame to be recorded', 60_000);
}

/** What is published until Ctrl-C decodes. `ends`: it then says so to the server. */
async function publishLive(command: string, ends: boolean): Promise<void> {
  const from = server.reports.length;
  const enough = () => server.reports.slice(from).some((one) => countOf(one) >= LIVE_UNITS);
  const stopAfter = until(enough, `${LIVE_UNITS} units`, 120_000);
  await server.shell(command, { stopAfter });
  await stopAfter;
  const body = await server.report<MediaReport>(ends ? 'body' : 'aborted', from);
  if (!ends) return;
  const video = unitsOf(body, StreamType.h264);
  assert.equal(video[0]?.unit.key, true);
  const frames = await decoded(fileOf(body, StreamType.h264), 'v', ['-f', 'h264']);
  assert.equal(frames.length, video.length);
  assert.ok((await decoded(fileOf(body, StreamType.aac), 'a', ['-f', 'aac'])).length > 0);
}

const countOf = (report: object) => ('count' in report ? Number(report.count) : 0);

testLines(page, [
  {
    match: /^openssl req /,
    program: 'openssl',
    run: async (command) => {
      const { code, stderr } = await server.shell(
        command.replace('key.pem', 'k').replace('cert.pem', 'c'),
      );
      assert.equal(code, 0, stderr);
      assert.match(new X509Certificate(readFileSync(server.file('c'))).subject, /localhost/);
    },
  },
  { match: /^ffmpeg -re -i clip/, program: 'ffmpeg', run: publishClip },
  { match: /^upload-response send/, program: 'ffmpeg', run: publishClip },
  { match: /^gst-launch-1.0 filesrc/, program: 'gst-launch-1.0', run: publishClip },
  { match: /^ffmpeg -re -f lavfi/, program: 'ffmpeg', run: (line) => publishLive(line, true) },
  {
    match: /^gst-launch-1.0 -e /,
    program: 'gst-launch-1.0',
    run: async (line) => {
      await publishLive(line, true);
      await publishLive(line.replace(' -e ', ' '), false);
    },
  },
]);
