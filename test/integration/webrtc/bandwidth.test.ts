import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RtcpPacket } from '../../../src/protocols/rtp/index.js';
import { H264Feed } from '../../support/h264-feed.js';
import { startMediaServer } from '../../support/media-server.js';
import type { RtmpServer } from '../../support/rtmp.js';
import { until } from '../../support/until.js';
import { SOURCES, WebRtcPublisher } from '../../support/webrtc-publisher.js';

const TIMEOUT = { timeout: 120_000 };
const REMB_LINE = /^a=rtcp-fb:96 goog-remb\r$/m;

type Remb = Extract<RtcpPacket, { type: 'remb' }>;

/** A server whose publishers may send so much, which must be left with nothing open. */
async function withCap(
  maxBitrateKbps: number,
  use: (server: RtmpServer) => Promise<void>,
  { mediaBudgetBytes = 2 ** 23 } = {},
) {
  const limits = { evictAfterMs: 60_000, minRateBytesPerSecond: 0 };
  const server = await startMediaServer({ maxBitrateKbps, mediaBudgetBytes }, { limits });
  try {
    await use(server);
    const sessions = () => server.server.server.stats().transports.webrtc?.connections;
    await until(() => sessions() === 0, 'every session to be over');
    await server.server.free();
  } finally {
    await server.stop();
  }
}

/** A publisher, and the answer that it has got. */
async function connect(server: RtmpServer, room: string) {
  let answer = '';
  const url = server.server.url(`/whip/${room}/peer`);
  const publisher = await WebRtcPublisher.connect(url, ['h264', 'opus'], (sdp) => {
    answer = sdp;
    return sdp;
  });
  const told = () => publisher.rtcp.filter((one): one is Remb => one.type === 'remb');
  return { publisher, answer, told };
}

test('a publisher that takes REMB is told what it may send, again and again', TIMEOUT, () =>
  withCap(600, async (server) => {
    const { publisher, answer, told } = await connect(server, 'told');
    assert.match(answer, REMB_LINE);
    const feed = new H264Feed(publisher);
    feed.frame(true);
    await until(() => told().length > 0, 'the first REMB');
    assert.ok(publisher.count('receiver-report') <= 1, 'it came with the first report');
    await until(() => told().length >= 3, 'REMB again');
    for (const { bitsPerSecond, ssrcs } of told()) {
      assert.deepEqual([bitsPerSecond, ssrcs], [600_000, [SOURCES.h264]]);
    }
    assert.equal(await publisher.delete(), 200);
  }),
);

test('with 0 nothing is told, and nothing agreed upon', TIMEOUT, () =>
  withCap(0, async (server) => {
    const { publisher, answer, told } = await connect(server, 'untold');
    assert.doesNotMatch(answer, /goog-remb/);
    assert.match(answer, /^a=rtcp-fb:96 nack\r$/m);
    new H264Feed(publisher).frame(true);
    await until(() => publisher.count('receiver-report') >= 3, 'reports');
    assert.deepEqual(told(), []);
    assert.equal(await publisher.delete(), 200);
  }),
);

test('while its worker is behind, a publisher is told less; afterwards all again', TIMEOUT, () =>
  withCap(
    400,
    async (server) => {
      const { publisher, told } = await connect(server, 'held');
      const feed = new H264Feed(publisher);
      const received = () => server.server.server.stats().transports.webrtc?.packets?.receivedTotal;
      const newest = () => told().at(-1)?.bitsPerSecond;
      feed.frame(true);
      await until(() => newest() === 400_000, 'the first REMB');
      server.suspendWorker();
      await until(async () => {
        const before = received();
        feed.frame(false, 10_000);
        await until(() => received() !== before, 'packets');
        return newest() !== 400_000;
      }, 'a lower rate');
      await until(() => newest() === 100_000, 'the lowest rate');
      assert.ok(told().every(({ bitsPerSecond }) => bitsPerSecond >= 100_000));
      server.resumeWorker();
      await until(() => newest() === 400_000, 'the whole rate', 60_000);
      assert.equal(await publisher.delete(), 200);
    },
    { mediaBudgetBytes: 2 ** 16 },
  ),
);
