import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sample, sha256 } from '../../conformance/tools.js';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { connectWhip, Heard } from '../../support/webrtc-client.js';

const SIZE = 10_000_003;
const MESSAGE = 65_536;
const TIMEOUT = { timeout: 120_000 };

let server: TestServer;

before(async () => {
  const webrtc = { enabled: true, windowBytes: 262_144, channelBudgetBytes: 1_048_576 };
  server = await TestServer.start({
    limits: { noWorkerTimeoutMs: 500 },
    transports: { webrtc: { ...webrtc, closeTimeoutMs: 500 } },
  });
});
after(() => server?.stop());

const urlOf = (behaviour: string) => server.url(`/whip/room/${behaviour}`);

/** Sends a body as a client that heeds windows does. */
async function send(
  channel: import('node-datachannel').DataChannel,
  heard: Heard,
  body: Uint8Array,
) {
  for (let at = 0; at < body.length; at += MESSAGE) {
    const part = body.subarray(at, at + MESSAGE);
    await until(() => heard.closed || heard.window >= at + part.length, 'a window', 60_000);
    channel.sendMessageBinary(part);
  }
}

test('a channel is a request, and its answer comes back on it', TIMEOUT, async () => {
  const { peer, channel } = await connectWhip(urlOf('hash'), 'big file');
  const heard = new Heard(channel);
  const body = sample(SIZE);
  await send(channel, heard, body);
  channel.sendMessage(JSON.stringify({ type: 'end' }));
  await within(heard.over, 'the end of the answer');
  assert.equal(heard.text('head')?.status, 200);
  assert.deepEqual(JSON.parse(heard.body).sha256, sha256(body));
  peer.close();
  await server.free();
  await until(
    () => server.server.stats().transports.webrtc?.connections === 0,
    'the session to be over',
  );
});
