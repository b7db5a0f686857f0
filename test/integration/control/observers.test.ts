import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, Remote, setUp, upload } from './remote.js';

const bounded = { timeout: 240_000 };
const scan = {
  workers: 1,
  segment: {
    requiredObservers: ['scan'],
    pools: [{ name: 'uploads', streams: 4, requestSlots: 8, responseSlots: 4 }],
    maxWorkers: 16,
  },
};

test('a remote worker can be a required observer: it passes and vetoes', bounded, async (t) => {
  const { server, api } = await setUp(t, scan);
  const remote = await Remote.register(api, 'w', { observer: 'scan' });
  const { roles, observer } = await api.ok('GET', '/workers/w');
  assert.deepEqual([roles, observer], [['observer'], 'scan']);
  const body = noise(2_000_000);
  let over = false;
  const uploading = upload(server, '/hash', body.bytes).finally(() => (over = true));
  const stream = await remote.next();
  await remote.join(stream);
  assert.equal((await remote.hash(stream)).sha256, body.sha256);
  // The answer is there, and waits for the verdict.
  await until(
    async () => (await api.ok('GET', `/streams/${stream}`)).lanes[1].ended,
    'the answer to be written',
  );
  assert.equal(over, false);
  const verdict = (of: number, json: object) => api.put(`/streams/${of}/verdict/w`, { json });
  assert.equal((await verdict(stream, { pass: true })).status, 204);
  assert.equal(((await (await uploading).json()) as { sha256: string }).sha256, body.sha256);
  const bad = upload(server, '/hash', 'bad');
  const second = await remote.next();
  await api.fails('PUT', `/streams/${second}/verdict/w`, 409, 'NOT_OWNER', {
    json: { pass: true },
  });
  await remote.join(second);
  for (const json of [
    ...[{}, { pass: 1 }, { pass: false, status: 200 }, { pass: false, status: 600 }],
    ...[
      { pass: false, reason: 'ü'.repeat(57) },
      { pass: true, extra: 1 },
    ],
  ]) {
    assert.equal((await verdict(second, json)).status, 400, JSON.stringify(json));
  }
  await verdict(second, { pass: false, status: 451, reason: 'not hére' });
  const refused = await within(bad, 'the refusal');
  assert.equal(refused.status, 451);
  const told = (await refused.json()) as { error: string; reason: string };
  assert.deepEqual([told.error, told.reason], ['VETOED', 'not hére']);
  await api.ok('DELETE', '/workers/w');
  await expectNothingLeft(server, api, 1);
});

test(
  'without its verdict nothing passes: it leaves, comes too late, or dies',
  bounded,
  async (t) => {
    const { server, api } = await setUp(t, scan);
    const one = await Remote.register(api, 'one', { observer: 'scan' });
    const leaving = upload(server, '/hash', 'x');
    const stream = await one.next();
    await one.join(stream);
    const two = await Remote.register(api, 'two', { observer: 'scan' });
    // One of them has the duty.
    assert.equal(await two.next(), stream);
    await api.fails('PUT', `/streams/${stream}/readers/two`, 409, 'ALREADY_CLAIMED');
    await api.ok('DELETE', `/streams/${stream}/readers/one`);
    const left = await within(leaving, 'the refusal');
    assert.equal(left.status, 502);
    assert.match(((await left.json()) as { reason: string }).reason, /no verdict/);
    // Who dies leaves its duty to another one.
    const dying = upload(server, '/hash', 'x');
    const next = await one.next();
    await one.join(next);
    await api.ok('PUT', '/workers/one/heartbeat', { json: { timeoutMs: 1000 } });
    await until(async () => (await api.get('/workers/one')).status === 404, 'its death');
    assert.equal(await two.next(), next);
    await two.join(next);
    await api.ok('PUT', `/streams/${next}/verdict/two`, { json: { pass: true } });
    assert.equal((await within(dying, 'the answer')).status, 200);
    await api.ok('DELETE', '/workers/two');
    await expectNothingLeft(server, api, 1);
  },
);

test('names that no observer has, and roles that do not fit', bounded, async (t) => {
  const { api } = await setUp(t, scan);
  const beat = (id: string, json: object) => api.put(`/workers/${id}/heartbeat`, { json });
  assert.equal((await beat('a', { observer: 'other' })).json.error, 'BAD_REQUEST');
  assert.equal((await beat('a', { observer: 'scan', role: 'responder' })).status, 400);
  assert.equal((await beat('a', { observer: '' })).status, 400);
  assert.equal((await beat('a', { observer: 'scan', role: 'observer' })).status, 200);
  assert.equal((await beat('a', { observer: 'scan' })).status, 200);
  assert.equal((await beat('a', {})).status, 200);
  await beat('b', { role: 'observer' });
  assert.equal((await beat('b', { observer: 'scan' })).status, 400);
});
