import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../conformance/tools.js';
import { mutatedOffer } from '../../fuzz/support/offers.js';
import { PATIENT } from '../../support/patience.js';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { connectWhip, Heard, openPeer, postOffer } from '../../support/webrtc-client.js';

const TIMEOUT = { timeout: 120_000 };
const FRAGMENT = 'application/trickle-ice-sdpfrag';

let server: TestServer;

before(async () => {
  server = await TestServer.start({
    ...PATIENT,
    transports: {
      webrtc: {
        enabled: true,
        windowBytes: 65_536,
        channelBudgetBytes: 1_048_576,
        closeTimeoutMs: 300,
        gatherTimeoutMs: 500,
      },
    },
  });
});
after(() => server?.stop());

const url = (behaviour: string) => server.url(`/whip/room/${behaviour}`);
const connections = () => server.server.stats().transports.webrtc?.connections;
const nothingIsLeft = async () => {
  await server.free();
  await until(() => connections() === 0, 'the sessions to be over');
};

test(
  'changed offers of real clients are answered or refused, and leave nothing',
  TIMEOUT,
  async () => {
    const seed = Date.now() & 0x7fffffff;
    const counts: Record<number, number> = {};
    for (const offer of fc.sample(mutatedOffer, { seed, numRuns: 150 })) {
      const response = await postOffer(url('hash'), Buffer.from(offer).toString());
      const body = await response.text();
      const { status } = response;
      counts[status] = (counts[status] ?? 0) + 1;
      if (status === 201) {
        const location = new URL(response.headers.get('location') ?? '', url('hash'));
        const gone = await fetch(location, { method: 'DELETE' });
        assert.equal(gone.status, 200);
        await gone.arrayBuffer();
      } else {
        const { error } = JSON.parse(body);
        assert.match(error, /^(BAD_SDP|UNSUPPORTED_OFFER)$/, `seed ${seed}: ${body}\n${offer}`);
      }
    }
    assert.ok((counts[201] ?? 0) > 0, `seed ${seed}: ${JSON.stringify(counts)}`);
    await nothingIsLeft();
    assert.ok(!server.log.some((line) => line.includes('unexpectedly')), server.log.join('\n'));
  },
);

test('a session takes so many candidates and no more', TIMEOUT, async () => {
  const { peer, offer } = openPeer();
  const response = await postOffer(url('hash'), await offer);
  await response.text();
  const location = new URL(response.headers.get('location') ?? '', url('hash'));
  const headers = { 'content-type': FRAGMENT, 'if-match': '*' };
  const statuses: number[] = [];
  for (let round = 0; round < 6; round++) {
    const lines = Array.from(
      { length: 60 },
      (_, i) => `a=candidate:${i} 1 UDP ${i + 1} 127.0.${round}.${i} 9 typ host\r\n`,
    );
    const answer = await fetch(location, { method: 'PATCH', headers, body: lines.join('') });
    statuses.push(answer.status);
    await answer.text();
  }
  assert.deepEqual(statuses, [204, 204, 204, 204, 400, 400]);
  assert.equal((await fetch(location, { method: 'DELETE' })).status, 200);
  peer.close();
  await nothingIsLeft();
});

test(
  'messages of one byte that heed no window wait, and cost little more than bytes',
  TIMEOUT,
  async () => {
    const session = await connectWhip(url('hash'));
    const heard = new Heard(session.channel);
    const sent: Buffer[] = [];
    const send = (bytes: Buffer) => {
      sent.push(bytes);
      session.channel.sendMessageBinary(bytes);
    };
    const reports = server.worker.reports.length;
    send(Buffer.alloc(1));
    await server.worker.report('reading', reports);
    server.worker.signal('SIGSTOP');
    const waiting = () => server.server.stats().ingress.waitingBytes;
    // The lane has 8 slots, and the budget room for all of it.
    for (let i = 0; i < 12; i++) send(Buffer.alloc(65_536, i));
    await until(() => waiting() >= 4 * 65_536, 'the lane to be full', 60_000);
    const full = waiting();
    const more = 200_000;
    for (let i = 0; i < more; i++) {
      send(Buffer.from([i]));
      if (i % 1000 === 0)
        await until(() => session.channel.bufferedAmount() < 65_536, 'room to send');
    }
    await until(() => waiting() >= full + more, 'all of it to wait', 60_000);
    server.worker.signal('SIGCONT');
    session.channel.sendMessage('{"type":"end"}');
    await within(heard.over, 'the answer', 60_000);
    assert.equal(JSON.parse(heard.body).sha256, sha256(Buffer.concat(sent)));
    session.peer.close();
    await nothingIsLeft();
  },
);

test('a channel on which nothing begins is told so, and closed', TIMEOUT, async () => {
  const own = await TestServer.start({
    // The channel has to open in this time too.
    transports: { webrtc: { enabled: true, idleTimeoutMs: 4000, closeTimeoutMs: 300 } },
  });
  try {
    const session = await connectWhip(own.url('/whip/room/hash'));
    const heard = new Heard(session.channel);
    await until(() => heard.closed, 'the channel to be closed');
    assert.equal(heard.text('error')?.error, 'HEAD_TIMEOUT');
    session.peer.close();
    await until(() => own.server.stats().transports.webrtc?.connections === 0, 'its end');
  } finally {
    await own.stop();
  }
});
