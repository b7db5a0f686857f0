import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashChosenToken } from '../../../src/admission/index.js';
import { H264Feed } from '../../support/h264-feed.js';
import { random } from '../../support/lossy-network.js';
import { startMediaServer } from '../../support/media-server.js';
import type { MediaReport, RtmpServer } from '../../support/rtmp.js';
import { throughRelay, type UdpRelay } from '../../support/udp-relay.js';
import { until } from '../../support/until.js';
import { type PublishedCodec, WebRtcPublisher } from '../../support/webrtc-publisher.js';

const TIMEOUT = { timeout: 180_000 };
/** Never reached: these tests wait for what ends it. */
const LONG_MS = 600_000;
/** ICE takes half a minute to miss somebody. */
const SILENCE = { idleTimeoutMs: 3000 };

const UNHEARD = new Error('the answer is not looked at');

const tokenOf = (who: string) => `secret-of-${who}-0123456789`;
const statsOf = (server: RtmpServer) => server.server.server.stats().transports.webrtc;
const streams = (server: RtmpServer) => server.server.server.segment.native.streams().length;
const waiting = (server: RtmpServer): number =>
  server.server.server.stats().ingress.transports.webrtc?.media?.waiting ?? 0;
const missed = (server: RtmpServer) =>
  until(() => waiting(server) === 1, 'the publisher to be missed', 60_000);
const ids = ({ units: all }: MediaReport) => all.map(({ id }) => id);

function url(server: RtmpServer, peer = 'cam', who = ''): string {
  return server.server.url(`/whip/room/${peer}${who === '' ? '' : `?token=${tokenOf(who)}`}`);
}

/** Publishes a keyframe and a frame after it. */
async function publish(
  server: RtmpServer,
  where = url(server),
  codecs: readonly PublishedCodec[] = ['h264'],
  answered?: Parameters<typeof WebRtcPublisher.connect>[2],
): Promise<{ publisher: WebRtcPublisher; feed: H264Feed }> {
  const publisher = await WebRtcPublisher.connect(where, codecs, answered);
  const feed = new H264Feed(publisher);
  feed.frame(true);
  feed.frame(false);
  return { publisher, feed };
}

const units = (server: RtmpServer, count: number, from = 0) =>
  until(
    () => server.reports.slice(from).some((one) => (one.count ?? 0) >= count),
    `${count} units`,
    60_000,
  );

async function withServer(
  options: Parameters<typeof startMediaServer>[0],
  run: (server: RtmpServer) => Promise<void>,
  others: Parameters<typeof startMediaServer>[1] = {},
): Promise<void> {
  const server = await startMediaServer(
    { graceMs: LONG_MS, keyframeIntervalMs: 0, ...options },
    others,
  );
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

/** Nothing of any session is left, and nothing in the segment. */
async function free(server: RtmpServer): Promise<void> {
  await until(() => statsOf(server)?.connections === 0, 'every session to be over', 60_000);
  await server.server.free();
}

test('a publisher that comes back goes on with the same stream', TIMEOUT, () =>
  withServer(SILENCE, async (server) => {
    const { publisher: first, feed: before } = await publish(server);
    for (let i = 0; i < 23; i++) before.frame(false);
    await units(server, 25);
    first.close();
    await missed(server);
    assert.equal(statsOf(server)?.connections, 0);
    assert.equal(streams(server), 1);

    const second = await WebRtcPublisher.connect(url(server), ['h264']);
    const feed = new H264Feed(second);
    // It cannot be decoded without what came before it.
    feed.frame(false);
    await until(() => second.count('pli') > 0, 'a request for a keyframe');
    feed.frame(true);
    feed.frame(false);
    await units(server, 27);
    const [facts] = server.server.server.ingress.facts().values();
    assert.deepEqual([facts?.media?.continued, facts?.media?.waitingMs], [1, null]);
    assert.equal(await second.delete(), 200);
    const body = await server.report('body');
    assert.deepEqual(
      ids(body),
      ids(body).map((_, index) => index),
    );
    const keys = body.units.flatMap(({ key, id }) => (key ? [id] : []));
    assert.deepEqual(keys, [0, 25]);
    const times = body.units.map(({ pts }) => pts);
    assert.ok(times.every((time, at) => at === 0 || time > (times[at - 1] as number)));
    assert.equal((times[26] as number) - (times[25] as number), 40);
    assert.equal(body.rest, 0);
    assert.deepEqual(new Map(body.trailers).get('x-webrtc-dropped-frames'), '1');
    assert.equal(server.reports.filter(({ event }) => event === 'opened').length, 1);
    await free(server);
  }),
);

test('a network that breaks is missed by ICE, and waited for', TIMEOUT, () =>
  withServer({}, async (server) => {
    let relay: UdpRelay | undefined;
    const { publisher } = await publish(server, url(server), ['h264'], async (sdp) => {
      const options = { loss: 0, delayMs: 0, spreadMs: 0, random: random(1) };
      const through = await throughRelay(sdp, options);
      relay = through.relay;
      return through.sdp;
    });
    await units(server, 2);
    relay?.close();
    await missed(server);
    const { publisher: second } = await publish(server);
    await units(server, 4);
    assert.equal(await second.delete(), 200);
    assert.deepEqual(ids(await server.report('body')), [0, 1, 2, 3]);
    publisher.close();
    await free(server);
  }),
);

test('the same publisher takes over a session that has not been missed yet', TIMEOUT, () =>
  withServer({}, async (server) => {
    const { publisher: first } = await publish(server);
    await units(server, 2);
    for (let round = 1; round <= 3; round++) {
      const { publisher } = await publish(server);
      await units(server, 2 + 2 * round);
      assert.equal(statsOf(server)?.connections, 1);
      if (round === 3) {
        first.close();
        // It has nothing to say of the stream any more.
        assert.equal(await first.delete(), 404);
        assert.equal(await publisher.delete(), 200);
      }
    }
    const body = await server.report('body');
    assert.deepEqual(ids(body), [0, 1, 2, 3, 4, 5, 6, 7]);
    await free(server);
  }),
);

test('a session that comes to nothing leaves the stream for the next one', TIMEOUT, () =>
  withServer({ ...SILENCE, connectTimeoutMs: 5000 }, async (server) => {
    const { publisher: first } = await publish(server, url(server));
    await units(server, 2);
    // It never connects: its client does not look at the answer.
    await assert.rejects(publish(server, url(server), ['h264'], () => Promise.reject(UNHEARD)));
    first.close();
    await until(() => statsOf(server)?.connections === 0, 'it to be given up', 60_000);
    await missed(server);
    const { publisher: second } = await publish(server);
    await units(server, 4);
    assert.equal(await second.delete(), 200);
    assert.deepEqual(ids(await server.report('body')), [0, 1, 2, 3]);
    await free(server);
  }),
);

test('who does not come back in time has gone', TIMEOUT, () =>
  withServer({ ...SILENCE, graceMs: 300 }, async (server) => {
    const { publisher } = await publish(server);
    await units(server, 2);
    publisher.close();
    assert.equal((await server.report('aborted')).code, 'CLIENT_GONE');
    await free(server);
    const from = server.reports.length;
    const { publisher: other } = await publish(server);
    await units(server, 2, from);
    await other.delete();
    assert.deepEqual(ids(await server.report('body', from)), [0, 1]);
    await free(server);
  }),
);

test('DELETE ends the body, also while the publisher is waited for', TIMEOUT, () =>
  withServer(SILENCE, async (server) => {
    const { publisher: first } = await publish(server);
    await units(server, 2);
    assert.equal(await first.delete(), 200);
    assert.deepEqual(ids(await server.report('body')), [0, 1]);
    await free(server);

    const from = server.reports.length;
    const { publisher: second } = await publish(server);
    await units(server, 2, from);
    second.close();
    await missed(server);
    const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' };
    const body = 'a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n';
    const patched = await fetch(second.location, { method: 'PATCH', headers, body });
    assert.equal(patched.status, 404);
    assert.equal(await second.delete(), 200);
    assert.deepEqual(ids(await server.report('body', from)), [0, 1]);
    assert.equal(await second.delete(), 404);
    await free(server);
  }),
);

test('a peer id that the server has made is not waited for', TIMEOUT, () =>
  withServer(SILENCE, async (server) => {
    const { publisher } = await publish(server, server.server.url('/whip/room'));
    await units(server, 2);
    publisher.close();
    assert.equal((await server.report('aborted')).code, 'CLIENT_GONE');
    await free(server);
  }),
);

test('other codecs begin another stream', TIMEOUT, () =>
  withServer(SILENCE, async (server) => {
    for (const way of ['gone', 'standing'] as const) {
      const from = server.reports.length;
      const { publisher: first } = await publish(server);
      await units(server, 2, from);
      if (way === 'gone') {
        first.close();
        await missed(server);
      }
      const replaced = server.reports.length;
      const { publisher: second } = await publish(server, url(server), ['h264', 'opus']);
      assert.equal((await server.report('aborted', from)).code, 'PUBLICATION_REPLACED');
      const opened = () => server.reports.slice(from).filter(({ event }) => event === 'opened');
      await until(() => opened().length === 2, 'another stream');
      await units(server, 2, replaced);
      first.close();
      await second.delete();
      assert.deepEqual(ids(await server.report('body', from)), [0, 1]);
      await free(server);
    }
  }),
);

test('somebody else is refused, and the publisher comes back', TIMEOUT, async () => {
  const permissions = [{ action: 'publish' as const }];
  const tokens = [];
  for (const name of ['ann', 'bob']) {
    tokens.push({ name, hash: await hashChosenToken(tokenOf(name)), permissions });
  }
  const others = { auth: { tokens }, limits: { maxStreamsPerSubject: 1 } };
  await withServer(
    SILENCE,
    async (server) => {
      const { publisher: ann } = await publish(server, url(server, 'cam', 'ann'));
      await units(server, 2);
      const refused = /409 .*PEER_ID_BUSY/;
      await assert.rejects(publish(server, url(server, 'cam', 'bob')), refused);
      ann.close();
      await missed(server);
      await assert.rejects(publish(server, url(server, 'cam', 'bob')), refused);
      assert.equal(statsOf(server)?.refusedTotal.PEER_ID_BUSY, 2);
      // One stream at a time is allowed, and it is this one.
      const { publisher: again } = await publish(server, url(server, 'cam', 'ann'));
      await units(server, 4);
      // A place of its own is nobody's business.
      const from = server.reports.length;
      const { publisher: bob } = await publish(server, url(server, 'other', 'bob'));
      await units(server, 0, from);
      const location = `${again.location}?token=${tokenOf('ann')}`;
      assert.equal((await fetch(location, { method: 'DELETE' })).status, 200);
      assert.deepEqual(ids(await server.report('body', from)), [0, 1, 2, 3]);
      bob.close();
    },
    others,
  );
});

test('without a grace time each session has a stream of its own', TIMEOUT, () =>
  withServer({ ...SILENCE, graceMs: 0 }, async (server) => {
    const { publisher: first } = await publish(server);
    await units(server, 2);
    const { publisher: second } = await publish(server);
    await until(() => streams(server) === 2, 'both streams');
    await second.delete();
    await server.report('body');
    first.close();
    assert.equal((await server.report('aborted')).code, 'CLIENT_GONE');
    await free(server);
  }),
);

test('silence is a broken session too', TIMEOUT, () =>
  withServer(SILENCE, async (server) => {
    const { publisher: first } = await publish(server);
    await units(server, 2);
    first.silent = true;
    await missed(server);
    first.close();
    const { publisher: second } = await publish(server);
    await units(server, 4);
    await second.delete();
    assert.deepEqual(ids(await server.report('body')), [0, 1, 2, 3]);
    await free(server);
  }),
);

test('a stream that fails while its publisher is gone waits no more', TIMEOUT, () =>
  withServer(
    SILENCE,
    async (server) => {
      const { publisher } = await publish(server);
      await units(server, 2);
      publisher.close();
      await missed(server);
      server.killWorker();
      await free(server);
      const { failedTotal } = server.server.server.stats().ingress.transports.webrtc ?? {};
      assert.equal((failedTotal?.NO_WORKER ?? 0) + (failedTotal?.WORKER_DIED ?? 0), 1);
      assert.equal(waiting(server), 0);
    },
    { limits: { noWorkerTimeoutMs: 4000 } },
  ),
);

test('a server that stops waits for nobody', TIMEOUT, async () => {
  for (const way of ['drain', 'close'] as const) {
    await withServer(SILENCE, async (server) => {
      const { publisher } = await publish(server);
      await units(server, 2);
      publisher.close();
      await missed(server);
      const { server: running } = server.server;
      if (way === 'drain') await running.drain(new AbortController().signal);
      else await running.close();
      const { code } = await server.report('aborted');
      assert.equal(code, way === 'drain' ? 'CLIENT_GONE' : 'SHUTTING_DOWN');
    });
  }
});
