import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DataChannel } from 'node-datachannel';
import { H264Feed } from '../../support/h264-feed.js';
import { random } from '../../support/lossy-network.js';
import { startMediaServer } from '../../support/media-server.js';
import type { MediaReport, RtmpServer } from '../../support/rtmp.js';
import { throughRelay, type UdpRelay } from '../../support/udp-relay.js';
import { until, within } from '../../support/until.js';
import { Heard } from '../../support/webrtc-client.js';
import { WebRtcPublisher } from '../../support/webrtc-publisher.js';

const TIMEOUT = { timeout: 240_000 };

let server: RtmpServer;

before(async () => {
  server = await startMediaServer({ maxSessions: 2, keyframeIntervalMs: 0 });
});
after(() => server?.stop());

const statsOf = (one: RtmpServer) => one.server.server.stats().transports.webrtc;
const url = (peer: string, of = server) => of.server.url(`/whip/room/${peer}`);
const gone = (of = server) =>
  until(() => statsOf(of)?.connections === 0, 'every session to be over', 60_000);
const trailer = ({ trailers }: MediaReport, name: string) => new Map(trailers).get(name);

/** A publisher whose first keyframe a worker has. */
async function begin(peer: string, of = server) {
  const from = of.reports.length;
  const publisher = await WebRtcPublisher.connect(url(peer, of), ['h264']);
  const feed = new H264Feed(publisher);
  feed.frame(true);
  await units(1, from, of);
  return { publisher, feed, from };
}

const units = (count: number, from: number, of = server) =>
  until(
    () => of.reports.slice(from).some((one) => (one.count ?? 0) >= count),
    `${count} units`,
    60_000,
  );

const received = (of = server) => statsOf(of)?.packets?.receivedTotal ?? 0;

/** So many frames of 10 KB find room in the smallest UDP buffer. */
const STEP = 4;

/** Sends frames step by step, since loopback loses what comes in one burst. */
async function steadily(count: number, send: (index: number) => void, of = server): Promise<void> {
  for (let i = 0; i < count; ) {
    const before = received(of);
    const step = Math.min(count - i, STEP);
    for (let sent = 0; sent < step; sent++) send(i++);
    // Each frame has one at least.
    await until(() => received(of) >= before + step, 'packets');
  }
}

test('DELETE ends the body whole, with everything that was sent before it', TIMEOUT, async () => {
  const { publisher, feed, from } = await begin('whole');
  await steadily(49, (i) => feed.frame(i % 10 === 9, 3000));
  await units(50, from);
  assert.equal(await publisher.delete(), 200);
  const body = await server.report('body', from);
  assert.equal(body.units.length, 50);
  assert.equal(body.rest, 0);
  assert.deepEqual(
    body.units.slice(1).map(({ pts }, at) => pts - (body.units[at]?.pts ?? 0)),
    Array(49).fill(40),
  );
  assert.equal(trailer(body, 'x-webrtc-lost-packets'), '0');
  assert.equal(await publisher.delete(), 404);
  await gone();
});

test('a session without a frame leaves nothing', TIMEOUT, async () => {
  const from = server.reports.length;
  const publisher = await WebRtcPublisher.connect(url('none'), ['h264', 'opus']);
  assert.equal(await publisher.delete(), 200);
  await gone();
  assert.equal(server.reports.length, from);
  await server.server.free();
});

test('a publisher that has vanished is noticed by ICE', TIMEOUT, async () => {
  const from = server.reports.length;
  let relay: UdpRelay | undefined;
  const publisher = await WebRtcPublisher.connect(url('vanishing'), ['h264'], async (sdp) => {
    const through = await throughRelay(sdp, {
      ...{ loss: 0, delayMs: 0, spreadMs: 0, random: random(1) },
    });
    relay = through.relay;
    return through.sdp;
  });
  new H264Feed(publisher).frame(true);
  await units(1, from);
  relay?.close();
  const aborted = await server.report('aborted', from);
  assert.equal(aborted.code, 'CLIENT_GONE');
  assert.equal(aborted.units.length, 1);
  publisher.close();
  await gone();
});

test('channels and media of one session are streams of their own', TIMEOUT, async () => {
  const from = server.reports.length;
  const channels: DataChannel[] = [];
  const publisher = await WebRtcPublisher.connect(url('both'), ['h264'], undefined, (peer) => {
    channels.push(peer.createDataChannel('beside'));
  });
  const [channel] = channels as [DataChannel];
  await until(() => channel.isOpen(), 'an open channel');
  const heard = new Heard(channel);
  const feed = new H264Feed(publisher);
  feed.frame(true);
  await units(1, from);
  channel.sendMessageBinary(Buffer.from('abc'));
  channel.sendMessage('{"type":"end"}');
  await within(heard.over, 'the answer');
  assert.equal(heard.text('head')?.status, 200);
  channel.close();
  feed.frame(false);
  await units(2, from);
  await publisher.delete();
  const bodies = () => server.reports.slice(from).filter(({ event }) => event === 'body');
  await until(() => bodies().length === 2, 'both bodies');
  assert.deepEqual(
    bodies().map(({ units: all, rest }) => [all.length, rest]),
    [
      [0, 3],
      [2, 0],
    ],
  );
  const fields = bodies().map(({ headers }) => new Map(headers));
  assert.equal(fields[0]?.get('x-webrtc-channel'), 'beside');
  assert.equal(fields[1]?.get('x-webrtc-video-codec'), 'h264');
  await gone();
});

test('what is lost for good is told, and a keyframe asked for', TIMEOUT, async () => {
  const { publisher, feed, from } = await begin('losing');
  const asked = publisher.count('pli');
  feed.frame(false);
  feed.frame(false, 100, true);
  feed.frame(false);
  await until(() => publisher.count('nack') > 0, 'a NACK');
  await until(() => publisher.count('pli') > asked, 'a request for a keyframe', 60_000);
  feed.frame(true);
  feed.frame(false);
  await units(4, from);
  await publisher.delete();
  const body = await server.report('body', from);
  assert.deepEqual(
    body.units.map(({ key }) => key),
    [true, false, true, false],
  );
  assert.equal(trailer(body, 'x-webrtc-lost-packets'), '1');
  assert.notEqual(trailer(body, 'x-webrtc-dropped-frames'), '0');
  await gone();
});

test('garbage in place of RTP is counted, and what is good goes on', TIMEOUT, async () => {
  const { publisher, feed, from } = await begin('garbage');
  const number = random(7);
  const keyframes = () =>
    [...server.server.server.ingress.facts().values()][0]?.media?.video?.keyframes ?? 0;
  let sent = 0;
  for (let i = 0; i < 2000; i++) {
    const datagram = Buffer.alloc(12 + Math.floor(number() * 1000));
    for (let at = 0; at < datagram.length; at++) datagram[at] = Math.floor(number() * 256);
    // Half of it has the version, a payload type and the source of the track.
    datagram[0] = 0x80 | (number() < 0.5 ? 0 : (datagram[0] as number) & 0x3f);
    if (i % 2 === 0) {
      datagram[1] = 96;
      datagram.writeUInt32BE(0x1111, 8);
      // Far from what is expected, or else it would be what this source sends.
      datagram.writeUInt16BE(20_000 + ((i * 17) % 10_000), 2);
    }
    if (publisher.raw(datagram)) sent++;
  }
  assert.ok(sent > 500, `${sent} sent`);
  // Behind so much the first may be lost, or taken for a source that jumps: publishers then send another.
  const more = setInterval(() => feed.frame(true), 100);
  await until(() => keyframes() > 1, 'a keyframe', 60_000).finally(() => clearInterval(more));
  await publisher.delete();
  const body = await server.report('body', from);
  assert.equal(body.rest, 0);
  assert.ok(body.units.some(({ id, key }) => id > 0 && key));
  await gone();
});

/** With a server of its own, whose publisher a worker has heard of. */
async function withServer(
  options: Parameters<typeof startMediaServer>,
  run: (own: RtmpServer) => Promise<void>,
): Promise<void> {
  const own = await startMediaServer(...options);
  try {
    await run(own);
    await gone(own);
    await own.server.free();
  } finally {
    await own.stop();
  }
}

test('a publisher whose worker dies is cut off', TIMEOUT, () =>
  withServer([{}, { limits: { noWorkerTimeoutMs: 4000 } }], async (own) => {
    const { feed } = await begin('dying', own);
    // So much that the lane does not have all of it any more, and no other worker can begin.
    await steadily(200, () => feed.frame(false, 10_000), own);
    await units(201, 0, own);
    own.killWorker();
  }),
);

test('a publication that passes the limit of a body ends, and its session', TIMEOUT, () =>
  withServer([{}, { limits: { maxBodyBytes: 100_000 } }], async (own) => {
    const { feed, from } = await begin('large', own);
    for (let i = 0; i < 20; i++) feed.frame(false, 10_000);
    assert.equal((await own.report('aborted', from)).code, 'BODY_TOO_LARGE');
  }),
);

test('media that falls silent ends after its time', TIMEOUT, () =>
  // The first frame has to come in this time too.
  withServer([{ idleTimeoutMs: 3000 }, {}], async (own) => {
    const { publisher, from } = await begin('silent', own);
    publisher.silent = true;
    assert.equal((await own.report('aborted', from)).code, 'CLIENT_GONE');
  }),
);

test('a keyframe is asked for when none has come for its time', TIMEOUT, () =>
  withServer([{ keyframeIntervalMs: 100 }, {}], async (own) => {
    const { publisher, feed } = await begin('asking', own);
    const before = publisher.count('pli');
    await until(() => publisher.count('pli') > before, 'a request for a keyframe');
    feed.frame(true);
    const after = publisher.count('pli');
    await until(() => publisher.count('pli') > after, 'another request for a keyframe');
    await publisher.delete();
  }),
);

test('a slow worker misses frames up to a keyframe, and nothing is cut in two', TIMEOUT, () =>
  withServer([{ mediaBudgetBytes: 2 ** 16, keyframeIntervalMs: 0 }, {}], async (own) => {
    const { publisher, feed, from } = await begin('slow', own);
    own.suspendWorker();
    await steadily(400, () => feed.frame(false, 10_000), own);
    const asked = publisher.count('pli');
    own.resumeWorker();
    await until(() => publisher.count('pli') > asked, 'a request for a keyframe', 60_000);
    const before = received(own);
    feed.frame(false);
    feed.frame(true);
    feed.frame(false);
    // The keyframe has two.
    await until(() => received(own) >= before + 4, 'packets');
    await publisher.delete();
    const body = await own.report('body', from);
    const skipped = Number(trailer(body, 'x-webrtc-skipped-units'));
    assert.ok(skipped > 0, 'nothing was left out');
    assert.equal(body.rest, 0);
    const ids = body.units.map(({ id }) => id);
    assert.equal(ids.length + skipped, (ids.at(-1) ?? 0) + 1);
    // Behind each hole there is a keyframe.
    const behind = body.units.filter(({ id }, at) => at > 0 && id !== (ids[at - 1] ?? 0) + 1);
    assert.deepEqual(
      behind.map(({ key }) => key),
      [true],
    );
  }),
);

test('a server that stops cuts what is published off', TIMEOUT, () =>
  withServer([{}, {}], async (own) => {
    const { publisher, from } = await begin('stopping', own);
    const stop = new AbortController();
    const drained = own.server.server.drain(stop.signal);
    await assert.rejects(
      WebRtcPublisher.connect(url('late', own), ['h264']),
      /SHUTTING_DOWN|fetch/,
    );
    stop.abort();
    await drained;
    assert.equal((await own.report('aborted', from)).code, 'SHUTTING_DOWN');
    publisher.close();
  }),
);
