import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { connectWhip, Heard, openPeer, postOffer } from '../../support/webrtc-client.js';

const TIMEOUT = { timeout: 60_000 };
const PAGE = 'https://app.example';
const { token, hash } = createToken();

let server: TestServer;
let guarded: TestServer;

before(async () => {
  const webrtc = { enabled: true, maxSessions: 2, origins: [PAGE] };
  server = await TestServer.start({ transports: { webrtc } });
  guarded = await TestServer.start({
    auth: { tokens: [{ name: 'camera', hash }] },
    transports: { webrtc: { enabled: true } },
  });
});
after(async () => {
  await server?.stop();
  await guarded?.stop();
});

const whip = () => server.url('/whip/room/hash');
const connections = () => server.server.stats().transports.webrtc?.connections;
const gone = () => until(() => connections() === 0, 'every session to be over');
const codeOf = async (response: Response) => {
  const { error } = (await response.json()) as { error: string };
  return [response.status, error];
};

async function validOffer(): Promise<string> {
  const { peer, offer } = openPeer();
  const sdp = await offer;
  peer.close();
  return sdp;
}

test('a session has an address that cannot be guessed, and ends by DELETE', TIMEOUT, async () => {
  const first = await connectWhip(whip());
  const second = await connectWhip(whip());
  assert.notEqual(first.location, second.location);
  assert.match(first.location, /\/whip\/room\/hash\/[\w-]{24}$/);
  assert.match(first.etag, /^"[\w-]+"$/);
  assert.deepEqual(await codeOf(await postOffer(whip(), await validOffer())), [
    503,
    'TOO_MANY_SESSIONS',
  ]);
  const heard = new Heard(first.channel);
  const guessed = first.location.slice(0, -1) + (first.location.endsWith('A') ? 'B' : 'A');
  assert.deepEqual(await codeOf(await fetch(guessed, { method: 'DELETE' })), [
    404,
    'UNKNOWN_SESSION',
  ]);
  const ended = await fetch(first.location, { method: 'DELETE' });
  assert.equal(ended.status, 200);
  await ended.arrayBuffer();
  await until(() => heard.closed, 'the channel to be closed');
  assert.equal((await fetch(first.location, { method: 'DELETE' })).status, 404);
  await fetch(second.location, { method: 'DELETE' });
  await gone();
});

test('candidates are taken with the right If-Match; ICE is not restarted', TIMEOUT, async () => {
  const { location, etag, peer } = await connectWhip(whip());
  const patch = (body: string, headers: Record<string, string>) => {
    const type = { 'content-type': 'application/trickle-ice-sdpfrag' };
    return fetch(location, { method: 'PATCH', body, headers: { ...type, ...headers } });
  };
  const candidate = 'a=mid:0\r\na=candidate:1 1 UDP 2114977791 127.0.0.1 9 typ host\r\n';
  const taken = await patch(candidate, { 'if-match': etag });
  assert.deepEqual([taken.status, await taken.text()], [204, '']);
  assert.deepEqual(await codeOf(await patch(candidate, {})), [428, 'PRECONDITION_REQUIRED']);
  const stale = await patch(candidate, { 'if-match': '"another"' });
  assert.deepEqual(await codeOf(stale), [412, 'PRECONDITION_FAILED']);
  const restart = 'a=ice-ufrag:another\r\na=ice-pwd:0123456789012345678901\r\n';
  assert.deepEqual(await codeOf(await patch(restart, { 'if-match': '*' })), [
    422,
    'ICE_RESTART_UNSUPPORTED',
  ]);
  assert.deepEqual(await codeOf(await patch('nothing', { 'if-match': '*' })), [400, 'BAD_SDP']);
  const wrong = await patch(candidate, { 'if-match': '*', 'content-type': 'application/sdp' });
  assert.deepEqual(await codeOf(wrong), [415, 'UNSUPPORTED_MEDIA_TYPE']);
  peer.close();
  await gone();
});

test('an offer that is not taken is refused, and leaves nothing', TIMEOUT, async () => {
  const offer = await validOffer();
  const without = (pattern: RegExp) => offer.replace(pattern, '');
  const video =
    'm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 VP9/90000\r\n';
  const bundled = offer.replace(/^(a=group:BUNDLE .*)\r$/m, '$1 1\r');
  const cases: readonly (readonly [string, number, string])[] = [
    ['', 400, 'BAD_SDP'],
    ['\0\0\0', 400, 'BAD_SDP'],
    ['v=0\r\n', 400, 'BAD_SDP'],
    [without(/^a=ice-ufrag.*\r\n/m), 400, 'BAD_SDP'],
    [without(/^a=ice-pwd.*\r\n/m), 400, 'BAD_SDP'],
    [without(/^a=fingerprint.*\r\n/m), 400, 'BAD_SDP'],
    [without(/^a=setup.*\r\n/m), 400, 'BAD_SDP'],
    [without(/^a=mid.*\r\n/m), 400, 'BAD_SDP'],
    [offer.replace(/^m=application \d+/m, 'm=application 99999'), 400, 'BAD_SDP'],
    [offer.replace(/sha-256 [0-9A-F:]+/, 'sha-256 xyz'), 400, 'BAD_SDP'],
    [offer + video, 422, 'UNSUPPORTED_OFFER'],
    [bundled + video, 422, 'UNSUPPORTED_OFFER'],
    [`${offer}x`.repeat(200), 413, 'BODY_TOO_LARGE'],
  ];
  for (const [text, status, code] of cases) {
    const refused = await codeOf(await postOffer(whip(), text));
    assert.deepEqual(refused, [status, code], text.slice(0, 40));
  }
  // What the engine finds wrong itself, or takes: it goes on either way.
  for (let at = 0; at < offer.length; at += 37) {
    const damaged = `${offer.slice(0, at)}~${offer.slice(at + 1)}`;
    const response = await postOffer(whip(), damaged);
    const { status } = response;
    const location = response.headers.get('location');
    assert.ok([201, 400, 422].includes(status), `${status}: ${damaged}`);
    await response.text();
    if (location) await fetch(new URL(location, whip()), { method: 'DELETE' });
  }
  const typed = await postOffer(whip(), offer, { 'content-type': 'text/plain' });
  assert.deepEqual(await codeOf(typed), [415, 'UNSUPPORTED_MEDIA_TYPE']);
  const named = await postOffer(server.url('/whip/ro%20om'), offer);
  assert.deepEqual(await codeOf(named), [400, 'BAD_REQUEST']);
  await gone();
  assert.equal(server.server.ingress.stats().active, 0);
});

test('methods and CORS are those of WHIP', TIMEOUT, async () => {
  const get = await fetch(whip());
  assert.equal(get.headers.get('allow'), 'OPTIONS, POST');
  assert.deepEqual(await codeOf(get), [405, 'METHOD_NOT_ALLOWED']);
  const ask = (origin: string) => fetch(whip(), { method: 'OPTIONS', headers: { origin } });
  const allowed = await ask(PAGE);
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get('accept-post'), 'application/sdp');
  assert.equal(allowed.headers.get('access-control-allow-origin'), PAGE);
  assert.match(allowed.headers.get('access-control-expose-headers') ?? '', /Location/);
  const other = await ask('https://other.example');
  assert.equal(other.headers.get('access-control-allow-origin'), null);
});

test('every request needs the credentials of who may publish there', TIMEOUT, async () => {
  const url = guarded.url('/whip/room/hash');
  const authorization = `Bearer ${token}`;
  assert.deepEqual(await codeOf(await postOffer(url, await validOffer())), [
    401,
    'UNAUTHENTICATED',
  ]);
  const { peer, channel, offer } = openPeer();
  const response = await postOffer(url, await offer, { authorization });
  assert.equal(response.status, 201);
  const heard = new Heard(channel);
  const opened = new Promise<void>((resolve) => channel.onOpen(resolve));
  peer.setRemoteDescription(await response.text(), 'answer');
  await within(opened, 'an open channel');
  const location = new URL(response.headers.get('location') ?? '', url);
  const stranger = await fetch(location, { method: 'DELETE' });
  assert.deepEqual(await codeOf(stranger), [401, 'UNAUTHENTICATED']);
  channel.sendMessage(JSON.stringify({ type: 'end' }));
  await within(heard.over, 'the answer');
  assert.equal(heard.text('head')?.status, 200);
  const ended = await fetch(location, { method: 'DELETE', headers: { authorization } });
  assert.equal(ended.status, 200);
  peer.close();
  await guarded.free();
});

test('a server that drains ends sessions when their uploads are answered', TIMEOUT, async () => {
  const draining = await TestServer.start({ transports: { webrtc: { enabled: true } } });
  try {
    const { channel, peer } = await connectWhip(draining.url('/whip/room/hash'));
    const heard = new Heard(channel);
    channel.sendMessageBinary(new Uint8Array(1000));
    await draining.worker.report('reading');
    const drained = draining.server.drain(new AbortController().signal);
    channel.sendMessage(JSON.stringify({ type: 'end' }));
    await within(heard.over, 'the answer');
    assert.equal(heard.text('head')?.status, 200);
    peer.close();
    await within(drained, 'the end of draining');
  } finally {
    await draining.stop();
  }
});
