import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, Remote, setUp, upload } from './remote.js';

const bounded = { timeout: 240_000 };

test(
  'two readers at different paces get the same, and the slower one sets the pace',
  bounded,
  async (t) => {
    const { server, api } = await setUp(t);
    const fast = await Remote.register(api, 'fast');
    const slow = await Remote.register(api, 'slow', { role: 'observer' });
    const body = noise(3_000_000);
    const uploading = upload(server, '', body.bytes);
    const stream = await fast.next();
    assert.equal(await slow.next(), stream);
    const token = await fast.claim(stream);
    await fast.join(stream);
    await slow.join(stream);
    const reading = fast.hash(stream);
    const lane = async () => (await api.ok('GET', `/streams/${stream}`)).lanes[0];
    await until(async () => {
      const { last, full, readers } = await lane();
      const lags = readers.map(({ lag }: { lag: number }) => lag);
      return full && last === 8 && Math.min(...lags) === 0;
    }, 'the fast one to wait for the slow one');
    const seen = await slow.hash(stream);
    assert.deepEqual(seen, { size: body.bytes.length, sha256: body.sha256 });
    assert.deepEqual(await within(reading, 'the fast one'), seen);
    await fast.answer(stream, token, 'both');
    assert.equal(await (await uploading).text(), 'both');
    await api.ok('DELETE', '/workers/fast');
    await api.ok('DELETE', '/workers/slow');
    await expectNothingLeft(server, api);
  },
);

test('a reader that asks for several slots at once says itself what it has', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const body = noise(2_000_000);
  const uploading = upload(server, '', body.bytes);
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await remote.join(stream);
  const parts: Buffer[] = [];
  // Four slots are under way; those before them have come.
  const window = 4;
  for (let slot = 1, ended = false; !ended; slot += window) {
    const slots = Array.from({ length: window }, (_, i) => slot + i);
    const answers = await Promise.all(
      slots.map((one) => remote.slot(stream, one, `&ack=${slot - 1}`)),
    );
    for (const { type, bytes, status } of answers) {
      if (ended) break;
      assert.equal(status, 200);
      if (type === 'body') parts.push(bytes);
      ended = type === 'end';
    }
    if (ended) break;
    const { json } = await api.get(`/workers/${remote.id}`);
    assert.equal(json.remote.reads[0].acknowledged, slot - 1);
  }
  const hash = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
  assert.equal(hash, body.sha256);
  const { acknowledged, last } = await remote.join(stream, { acknowledged: 20 });
  assert.ok(acknowledged >= 20 && last >= acknowledged);
  await api.fails('PUT', `/streams/${stream}/readers/w`, 400, 'BAD_REQUEST', {
    json: { acknowledged: last + 1 },
  });
  await remote.answer(stream, token, '');
  await uploading;
});

test('who has not joined reads nothing as a worker, and order matters', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'body');
  const stream = await remote.next();
  const slots = `/streams/${stream}/request/slots`;
  await api.fails('GET', `${slots}/1?worker=w`, 409, 'NOT_A_READER');
  await remote.join(stream);
  await api.fails('GET', `${slots}/40?worker=w`, 400, 'BAD_REQUEST');
  await api.fails('GET', `${slots}/1?worker=w&ack=40`, 400, 'BAD_REQUEST');
  await api.fails('GET', `${slots}/1?ack=1`, 400, 'BAD_REQUEST');
  assert.equal((await remote.slot(stream, 1)).type, 'headers');
  const leave = await api.delete(`/streams/${stream}/readers/w`);
  assert.deepEqual([leave.status, leave.bytes.length], [204, 0]);
  assert.equal((await api.delete(`/streams/${stream}/readers/w`)).status, 204);
  await api.fails('GET', `${slots}/2?worker=w`, 409, 'NOT_A_READER');
  // From the newest slot on: what was there counts as read.
  const late = await remote.join(stream, { acknowledged: -1 });
  assert.equal(late.acknowledged, late.last);
  await remote.answer(stream, await remote.claim(stream), 'ok');
  assert.equal(await (await uploading).text(), 'ok');
});

test('a reader that does not move is evicted and told, and may join again', bounded, async (t) => {
  const { server, api } = await setUp(t, { workers: 1, limits: { evictAfterMs: 2000 } });
  const lazy = await Remote.register(api, 'lazy', { role: 'observer' });
  const body = noise(3_000_000);
  // So slow that it still reads when the other one has joined again.
  const uploading = upload(server, '/slow?ms=150', body.bytes);
  const stream = await lazy.next();
  await lazy.join(stream);
  await lazy.slot(stream, 1);
  const ahead = `/streams/${stream}/request/slots/40?worker=lazy`;
  const waiting = api.get(`${ahead}&wait=30000&ack=1`);
  await until(() => server.server.ingress.stats().evictionsTotal > 0, 'the eviction');
  const { status, json } = await within(waiting, 'the news');
  assert.deepEqual([status, json?.error], [410, 'EVICTED']);
  await api.fails('GET', `/streams/${stream}/request/slots/2?worker=lazy`, 410, 'EVICTED');
  const again = await lazy.join(stream);
  assert.ok(again.gap > 0 && again.acknowledged >= again.gap, JSON.stringify(again));
  const { type } = await lazy.slot(stream, again.acknowledged + 1);
  assert.equal(type, 'body');
  await api.ok('DELETE', `/streams/${stream}/readers/lazy`);
  const answer = (await (await uploading).json()) as { sha256: string };
  assert.equal(answer.sha256, body.sha256);
  await api.ok('DELETE', '/workers/lazy');
  await expectNothingLeft(server, api, 1);
});

test('a lane has only so many places', bounded, async (t) => {
  const { server, api } = await setUp(t, {
    segment: { pools: [{ name: 'uploads', streams: 2, readersPerLane: 2 }] },
  });
  const one = await Remote.register(api, 'one');
  const two = await Remote.register(api, 'two', { role: 'observer' });
  const uploading = upload(server, '', 'x');
  const stream = await one.next();
  await one.join(stream);
  await api.fails('PUT', `/streams/${stream}/readers/two`, 503, 'NO_FREE_READER');
  assert.equal((await api.ok('GET', '/workers/two')).remote.reads.length, 0);
  await one.answer(stream, await one.claim(stream), '');
  await uploading;
  await api.ok('DELETE', `/workers/${one.id}`);
  await api.ok('DELETE', `/workers/${two.id}`);
  await expectNothingLeft(server, api);
});
