import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { StreamType } from '../../../src/protocols/access-unit/index.js';
import { random } from '../../support/lossy-network.js';
import { decodeVideo, toneShare, unitsOf, writeIvf, writeOgg } from '../../support/media-files.js';
import { startMediaServer } from '../../support/media-server.js';
import { testWith } from '../../support/program.js';
import type { MediaReport, RtmpServer } from '../../support/rtmp.js';
import { throughRelay, type UdpRelay } from '../../support/udp-relay.js';
import { until } from '../../support/until.js';
import { RtpEncoder, WebRtcPublisher } from '../../support/webrtc-publisher.js';

const TIMEOUT_MS = 180_000;
const SEED = 20260;

let server: RtmpServer;

before(async () => {
  server = await startMediaServer();
});
after(() => server?.stop());

const stats = () => server.server.server.stats().transports.webrtc;
const url = (peer: string) => server.server.url(`/whip/room/${peer}`);
const gone = () => until(() => stats()?.connections === 0, 'every session to be over');

async function checkVideo(body: MediaReport, codec: 'h264' | 'vp8'): Promise<number> {
  const video = unitsOf(body, StreamType[codec]);
  assert.equal(video[0]?.unit.key, true);
  const ivf = server.server.file(`${body.path.replaceAll('/', '-')}.ivf`);
  if (codec === 'vp8') writeIvf(ivf, video);
  const path = codec === 'vp8' ? ivf : (body.files.find((one) => one.endsWith('-27')) ?? '');
  const decoded = await decodeVideo(path, codec === 'vp8' ? 'ivf' : 'h264');
  assert.deepEqual(decoded, { frames: video.length, complaints: '', code: 0 });
  return video.length;
}

for (const [codec, loss] of [
  ['h264', 0],
  ['h264', 0.02],
  ['h264', 0.1],
  ['vp8', 0.02],
  ['vp8', 0.1],
] as const) {
  testWith(
    'ffmpeg',
    `${codec} and Opus with ${loss * 100} % loss: every unit that comes can be decoded`,
    async (context) => {
      const peer = `${codec}-${loss * 100}`;
      const before = stats()?.packets;
      const from = server.reports.length;
      let relay: UdpRelay | undefined;
      const publisher = await WebRtcPublisher.connect(url(peer), [codec, 'opus'], async (sdp) => {
        const options = { loss, delayMs: 5, spreadMs: loss > 0 ? 15 : 0, random: random(SEED) };
        const through = await throughRelay(sdp, options);
        relay = through.relay;
        return through.sdp;
      });
      const encoders = await Promise.all(
        [codec, 'opus' as const].map((one) =>
          RtpEncoder.start(one, 6, (rtp) => publisher.send(one, rtp)),
        ),
      );
      try {
        await Promise.all(encoders.map(({ ended }) => ended));
        const counted = () =>
          server.reports.slice(from).findLast(({ event }) => event === 'units')?.count ?? 0;
        await until(() => counted() >= 100, 'units');
        const [facts] = server.server.server.ingress.facts().values();
        const { video, audio } = facts?.media ?? {};
        assert.deepEqual([video?.codec, video?.width, video?.height], [codec, 320, 240]);
        assert.ok((video?.keyframes ?? 0) > 1 && (video?.framesPerSecond ?? 0) > 0);
        assert.deepEqual([audio?.codec, audio?.sampleRate], ['opus', 48_000]);
        assert.equal(await publisher.delete(), 200);
        const body = await server.report('body', from);
        context.diagnostic(
          `seed ${SEED}: ${relay?.lost} of ${(relay?.lost ?? 0) + (relay?.passed ?? 0)} lost, ` +
            `${publisher.resent} sent again, ${publisher.count('pli')} PLI, ${JSON.stringify(body.trailers)}`,
        );
        assert.equal(body.path, `/webrtc/room/${peer}`);
        assert.equal(body.rest, 0);
        const frames = await checkVideo(body, codec);
        const packets = unitsOf(body, StreamType.opus);
        assert.ok(
          frames > 50 && packets.length > 100,
          `${frames} frames, ${packets.length} packets`,
        );
        const ids = body.units.map(({ id }) => id);
        assert.deepEqual(
          ids,
          ids.map((_, index) => index),
        );
        assert.ok(publisher.count('receiver-report') >= 1);
        if (loss > 0) {
          assert.ok((relay?.lost ?? 0) > 0 && publisher.resent > 0);
          const now = stats()?.packets;
          assert.ok((now?.lostTotal ?? 0) > (before?.lostTotal ?? 0));
        } else {
          // Elsewhere the one that is needed may be lost too.
          assert.ok(publisher.count('pli') >= 1);
          assert.deepEqual(new Map(body.trailers).get('x-webrtc-lost-packets'), '0');
        }
        const ogg = server.server.file(`${peer}.ogg`);
        writeOgg(
          ogg,
          packets.map(({ data }) => data),
        );
        const share = await toneShare(ogg, `${ogg}.pcm`, 440);
        assert.ok(share > 0.9, `${share} of the power`);
      } finally {
        for (const encoder of encoders) await encoder.stop();
        publisher.close();
        relay?.close();
      }
      await server.server.free();
      await gone();
    },
    TIMEOUT_MS,
  );
}
