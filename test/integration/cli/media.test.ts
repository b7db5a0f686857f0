import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Snapshot, StreamSnapshot } from '../../../src/cli/snapshot.js';
import { testWith } from '../../support/program.js';
import { Scrape } from '../../support/prometheus.js';
import { RtmpServer } from '../../support/rtmp.js';
import { SrtServer } from '../../support/srt.js';
import type { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { TestServer as CliServer, endAll, fixture, Gate, run, temporaryFolder } from './support.js';

const TIMEOUT_MS = 240_000;

/** A publisher that goes on until it is ended: 25 frames and a keyframe a second, and sound. */
function publisher(...output: readonly string[]): ChildProcess {
  const video = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'];
  const audio = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-c:a', 'aac', '-ac', '2'];
  const args = ['-v', 'error', ...video, ...audio, ...codecs, '-pix_fmt', 'yuv420p', ...output];
  return spawn('ffmpeg', args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

async function inspected(server: TestServer): Promise<StreamSnapshot | undefined> {
  const { stdout, stderr, code } = await run([
    'inspect',
    '--json',
    '--socket',
    server.server.socket,
  ]);
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as Snapshot).streams[0];
}

/** Looks until `is` holds for the one stream. */
async function look(server: TestServer, is: (stream: StreamSnapshot) => boolean) {
  let stream: StreamSnapshot | undefined;
  await until(
    async () => {
      stream = await inspected(server);
      return stream !== undefined && is(stream);
    },
    'the facts',
    120_000,
  );
  return stream as StreamSnapshot;
}

async function scrape(server: TestServer): Promise<Scrape> {
  return new Scrape(await (await fetch(server.url('/metrics'))).text());
}

const value = (scraped: Scrape, name: string, labels: Record<string, string>) =>
  scraped.families
    .get(`uploadresponse_${name}`)
    ?.series.find((one) =>
      Object.entries(labels).every(([label, expected]) => one.labels[label] === expected),
    )?.value;

testWith(
  'ffmpeg',
  'an RTMP publisher: inspect, top, the control API and metrics show its media',
  async () => {
    const rtmp = await RtmpServer.start();
    const { server } = rtmp;
    const ffmpeg = publisher('-f', 'flv', `rtmp://127.0.0.1:${rtmp.port()}/live/key`);
    try {
      const whole = ({ facts }: StreamSnapshot) =>
        facts?.media?.video?.framesPerSecond != null && facts.media.audio?.bitsPerSecond != null;
      const { id, facts } = await look(server, whole);
      const video = facts?.media?.video;
      const audio = facts?.media?.audio;
      assert.ok(facts && video && audio);
      assert.deepEqual(
        [video.codec, video.width, video.height, video.framesPerSecond],
        ['h264', 640, 360, 25],
      );
      assert.ok((video.bitsPerSecond ?? 0) > 50_000);
      assert.ok(video.keyframes >= 1 && video.keyframeAgeMs !== null);
      assert.deepEqual([audio.codec, audio.sampleRate, audio.channels], ['aac', 44_100, 2]);
      assert.deepEqual([facts.evictions, facts.network], [0, null]);
      // The stream key is a secret.
      assert.deepEqual([facts.path, facts.subject], ['/rtmp/…', null]);

      const page = await run(['inspect', String(id), '--socket', server.server.socket]);
      assert.match(page.stdout, /video {2}h264 640x360 25 fps .*bit\/s, \d+ frames, \d+ keyframes/);
      assert.match(page.stdout, /audio {2}aac 44100 Hz 2 channels .*bit\/s/);
      const top = ['top', '-n', '1', '--socket', server.server.socket];
      assert.match((await run(top)).stdout, /MEDIA[\s\S]*h264 640x360 25 fps .* \+ aac, key /);

      const answer = await fetch(server.url(`/_upload_response/streams/${id}`));
      const told = (await answer.json()) as StreamSnapshot;
      assert.equal(told.facts?.media?.video?.width, 640);
      const scraped = await scrape(server);
      assert.equal(value(scraped, 'media_tracks', { transport: 'rtmp', codec: 'h264' }), 1);
      assert.ok((value(scraped, 'media_units_total', { codec: 'aac' }) ?? 0) > 0);
      assert.ok(value(scraped, 'media_keyframe_age_seconds', { transport: 'rtmp' }) !== undefined);
    } finally {
      ffmpeg.kill('SIGKILL');
      await rtmp.stop();
      await endAll();
    }
  },
  TIMEOUT_MS,
);

testWith(
  'ffmpeg',
  'an SRT caller: round-trip time, rate and packets; the socket goes with the server',
  async () => {
    const srt = await SrtServer.start();
    const { server } = srt;
    const url = `srt://127.0.0.1:${srt.port('live')}?streamid=clip&pkt_size=1316`;
    const ffmpeg = publisher('-f', 'mpegts', url);
    const path = `${server.server.socket}.${server.server.segment.worker}.facts`;
    try {
      const whole = ({ facts }: StreamSnapshot) =>
        (facts?.network?.bitsPerSecond ?? 0) > 0 && (facts?.media?.video?.keyframes ?? 0) > 0;
      const { id, facts } = await look(server, whole);
      assert.ok(facts?.network);
      assert.ok(facts.network.rttMs > 0);
      assert.ok(facts.network.receivedPackets > 0);
      assert.ok(facts.network.droppedPackets >= 0);
      assert.equal(facts.media?.video?.codec, 'h264');
      const page = await run(['inspect', String(id), '--socket', server.server.socket]);
      assert.match(page.stdout, /network {2}.*bit\/s, rtt .*, packets: \d+ received, \d+ lost/);
      const scraped = await scrape(server);
      assert.ok((value(scraped, 'packet_rtt_seconds', { transport: 'srt' }) ?? 0) > 0);
      assert.ok((value(scraped, 'packets_retransmitted_total', { transport: 'srt' }) ?? -1) >= 0);
      assert.equal(existsSync(path), true);
    } finally {
      ffmpeg.kill('SIGKILL');
      await srt.stop();
      await endAll();
    }
    assert.equal(existsSync(path), false);
  },
  TIMEOUT_MS,
);

test('each of several server processes tells of its own streams', async () => {
  const folder = temporaryFolder();
  const gate = new Gate();
  const file = join(folder.path, 'body.bin');
  writeFileSync(file, Buffer.alloc(5_000_000));
  const env = { UR_TEST_GATE: await gate.listen() };
  const worker = ['-p', '2', '--worker', fixture('echo.mjs')];
  try {
    const server = await CliServer.start(folder.path, worker, { env });
    const uploads = Array.from({ length: 3 }, () => run(['send', '-q', file, `${server.url()}/a`]));
    let streams: readonly StreamSnapshot[] = [];
    const stalled = async () => {
      const { stdout } = await run(['inspect', '--json', '--socket', server.socket]);
      streams = (JSON.parse(stdout) as Snapshot).streams;
      // A process that is busy gives no facts this time.
      return streams.length === 3 && streams.every(({ lanes, facts }) => lanes[0]?.full && facts);
    };
    await until(stalled, 'the uploads to be held back', 120_000);
    for (const { facts, id } of streams) {
      assert.ok((facts?.receivedBytes ?? 0) > 100_000, `stream ${id}: ${JSON.stringify(facts)}`);
    }
    gate.open();
    for (const upload of uploads) assert.equal((await upload).code, 0);
    assert.equal(await server.stop(), 0);
    assert.equal(existsSync(`${server.socket}.0.facts`), false);
  } finally {
    gate.close();
    await endAll();
    folder.remove();
  }
});
