import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from '../../support/until.js';
import { expectNothingLeft, Remote, setUp, shown, upload } from './remote.js';

const bounded = { timeout: 240_000 };
const pools = [
  {
    name: 'uploads',
    streams: 2,
    requestSlots: 8,
    responseSlots: 4,
    stageSlots: 4,
    stages: ['text', 'words'],
  },
];

test('one remote worker writes a stage, another one reads it and answers', bounded, async (t) => {
  const { server, api } = await setUp(t, { segment: { pools } });
  const reader = await Remote.register(api, 'reader');
  const writer = await Remote.register(api, 'writer', { role: 'observer' });
  const uploading = upload(server, '', 'some text');
  const { stream, token } = (await api.post('/workers/reader/take?wait=20000')).json;
  assert.equal(await writer.next(), stream);
  const stage = `/streams/${stream}/stages/text`;
  const joined = await api.ok('PUT', `${stage}/readers/reader`);
  assert.deepEqual([joined.lane, joined.last], ['text', 0]);
  const waiting = api.get(`${stage}/slots/1?wait=20000&worker=reader`);
  const claim = await api.ok('PUT', `${stage}/claim/writer`);
  assert.equal(claim.lane, 'text');
  await api.fails('PUT', `${stage}/claim/reader`, 409, 'ALREADY_CLAIMED');
  const headers = shown(claim.token);
  await api.fails('PUT', `${stage}/body`, 409, 'NOT_OWNER', { bytes: 'x', headers: shown(token) });
  await writer.join(stream);
  for await (const bytes of writer.body(stream)) {
    await api.ok('PUT', `${stage}/body`, { bytes: bytes.toString().toUpperCase(), headers });
  }
  await api.ok('PUT', `${stage}/end`, { headers });
  const first = await within(waiting, 'the stage');
  assert.equal(first.bytes.toString(), 'SOME TEXT');
  const end = await api.get(`${stage}/slots/2?wait=20000&worker=reader`);
  assert.equal(end.headers.get('x-upload-response-slot-type'), 'end');
  assert.deepEqual(await api.ok('GET', `${stage}/last`), { last: 2, ended: true });
  assert.equal((await api.get(`${stage}/slots/1`)).bytes.toString(), 'SOME TEXT');
  await api.fails('GET', `/streams/${stream}/stages/none/last`, 404, 'UNKNOWN_STAGE');
  await api.fails('PUT', `/streams/${stream}/stages/none/claim/writer`, 404, 'UNKNOWN_STAGE');
  await api.fails('GET', `/streams/${stream}/stages/a%20b/last`, 400, 'BAD_REQUEST');
  // The writer's place as a reader is still its own: the answer's end does not wait for it for long.
  assert.equal((await api.delete(`${stage}/readers/reader`)).status, 204);
  assert.equal((await api.delete(`/streams/${stream}/readers/writer`)).status, 204);
  await reader.answer(stream, token, first.bytes.toString());
  assert.equal(await (await uploading).text(), 'SOME TEXT');
  await api.ok('DELETE', '/workers/reader');
  await api.ok('DELETE', '/workers/writer');
  await expectNothingLeft(server, api);
});

test('a stage whose writer gives up, or dies, says so to who waits for it', bounded, async (t) => {
  const { server, api } = await setUp(t, { segment: { pools } });
  await Remote.register(api, 'r');
  await Remote.register(api, 'w', { role: 'observer' });
  const uploading = upload(server, '', 'x');
  const { stream, token } = (await api.post('/workers/r/take?wait=20000')).json;
  for (const [stage, end] of [
    ['text', `/streams/${stream}/stages/text/claim/w?failed=true`],
    ['words', '/workers/w'],
  ] as const) {
    const path = `/streams/${stream}/stages/${stage}`;
    const claim = await api.ok('PUT', `${path}/claim/w`);
    await api.ok('PUT', `${path}/body`, { bytes: 'half', headers: shown(claim.token) });
    await api.ok('PUT', `${path}/readers/r`);
    assert.equal((await api.get(`${path}/slots/1?worker=r&wait=20000`)).bytes.toString(), 'half');
    const waits = [`${path}/slots/2?worker=r&wait=20000`, `${path}/slots/2?wait=20000`];
    const waiting = Promise.all(waits.map((one) => api.get(one)));
    await api.ok('DELETE', end);
    for (const { status, json } of await within(waiting, 'the news')) {
      assert.deepEqual(
        [status, json.error],
        [502, stage === 'text' ? 'WORKER_FAILED' : 'WORKER_DIED'],
      );
    }
  }
  await new Remote(api, 'r').answer(stream, token, '');
  await uploading;
});
