import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, Remote, setUp, sha256, upload } from './remote.js';

const bounded = { timeout: 240_000 };

test('a worker does its whole job over the API: 50 MB, hashed and answered', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'gpu-7', { name: 'GPU 7', capacity: 2 });
  const body = noise(50_000_000);
  const uploading = upload(server, '/big?x=1', body.bytes);
  const stream = await remote.next();
  const claim = await api.ok('PUT', `/streams/${stream}/response/claim/gpu-7`);
  assert.equal(claim.request.method, 'PUT');
  assert.equal(claim.request.path, '/upload/big?x=1');
  const joined = await remote.join(stream);
  assert.deepEqual([joined.gap, joined.lane, joined.acknowledged], [0, 'request', 0]);
  const seen = await remote.hash(stream);
  assert.deepEqual(seen, { size: body.bytes.length, sha256: body.sha256 });
  const { remote: shown } = await api.ok('GET', '/workers/gpu-7');
  assert.equal(shown.claims.length, 1);
  assert.equal(shown.reads[0].stream, stream);
  const headers = [
    ['content-type', 'text/plain'],
    ['x-twice', 'a'],
    ['x-twice', 'b'],
  ];
  await remote.head(stream, claim.token, { status: 201, headers });
  await remote.write(stream, claim.token, 'hash ');
  await remote.write(stream, claim.token, seen.sha256);
  await remote.end(stream, claim.token);
  const answer = await within(uploading, 'the answer');
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get('x-twice'), 'a, b');
  assert.equal(await answer.text(), `hash ${body.sha256}`);
  assert.equal((await api.ok('GET', '/workers/gpu-7')).inFlight, 0);
  await api.ok('DELETE', '/workers/gpu-7');
  await expectNothingLeft(server, api);
});

test('an answer of 50 MB waits for its client', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'go');
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await remote.head(stream, token);
  const body = noise(50_000_000);
  const writing = remote.write(stream, token, body.bytes);
  const answer = await within(uploading, 'the head');
  // It is full now and then on the way; that it stays full says that the client takes nothing.
  const written = async () => (await api.ok('GET', '/workers/w')).remote.claims[0].written;
  let before = -1;
  await until(async () => {
    const now = await written();
    const [, lane] = (await api.ok('GET', `/streams/${stream}`)).lanes;
    const still = lane.full && now === before;
    before = now;
    return still;
  }, 'a full lane');
  assert.ok(before < body.bytes.length / 2, `${before} bytes were taken ahead of the client`);
  const received = answer.arrayBuffer();
  assert.equal((await writing).written, body.bytes.length);
  await remote.end(stream, token);
  assert.equal(sha256(new Uint8Array(await received)), body.sha256);
});
