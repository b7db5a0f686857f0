import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, Remote, setUp, shown, upload } from './remote.js';

const bounded = { timeout: 240_000 };

test('ids and numbers that are none', bounded, async (t) => {
  const { server, api } = await setUp(t);
  await Remote.register(api, 'w');
  for (const id of [
    'x',
    '-1',
    '1e9',
    '0x10000',
    '65536.5',
    '%31%20',
    '281474976710656',
    '9'.repeat(15),
  ]) {
    await api.fails('GET', `/streams/${id}/request/slots/1`, 400, 'BAD_REQUEST');
  }
  // 9 is a place without a generation, 65544 one that this segment does not have.
  for (const id of [0, 9, 65_535, 65_544, 2 ** 48 - 1]) {
    await api.fails('GET', `/streams/${id}`, 404, 'UNKNOWN_STREAM');
    await api.fails('PUT', `/streams/${id}/readers/w`, 404, 'UNKNOWN_STREAM');
    await api.fails('PUT', `/streams/${id}/response/claim/w`, 404, 'UNKNOWN_STREAM');
    await api.fails('PUT', `/streams/${id}/response/body`, 404, 'UNKNOWN_STREAM', { bytes: 'x' });
  }
  const uploading = upload(server, '', 'x');
  const { stream, token } = (await api.post('/workers/w/take?wait=20000')).json;
  // A later generation of a place that is in use.
  await api.fails('GET', `/streams/${stream + 65_536}`, 404, 'UNKNOWN_STREAM');
  for (const slot of ['0', 'x', '-1', '1.5', '281474976710656']) {
    await api.fails('GET', `/streams/${stream}/request/slots/${slot}`, 400, 'BAD_REQUEST');
  }
  const slots = `/streams/${stream}/request/slots/1`;
  for (const query of ['wait=x', 'wait=-1', 'wait=1&wait=2', 'worker=4', 'waits=1', 'ack=1.5']) {
    await api.fails('GET', `${slots}?${query}`, 400, 'BAD_REQUEST');
  }
  assert.equal((await api.get(`/streams/${stream}/request/slots/281474976710655`)).status, 204);
  await new Remote(api, 'w').answer(stream, token, 'x');
  await uploading;
  // The client has the end before the stream is closed.
  await until(async () => (await api.get(`/streams/${stream}`)).status !== 200, 'the stream to go');
  await api.fails('GET', `/streams/${stream}`, 410, 'STALE_STREAM');
  await api.fails('PUT', `/streams/${stream}/readers/w`, 410, 'STALE_STREAM');
});

test('workers that are none', bounded, async (t) => {
  const { api } = await setUp(t, { control: { maxRemoteWorkers: 2 } });
  for (const id of ['7', '-a', 'a b', 'ü', 'a'.repeat(64), 'a/../b']) {
    const { status } = await api.call('PUT', `/workers/${encodeURIComponent(id)}/heartbeat`);
    assert.equal(status, 400, id);
  }
  await api.fails('GET', '/workers/w', 404, 'UNKNOWN_REMOTE_WORKER');
  await api.fails('GET', '/workers/17', 404, 'UNKNOWN_REMOTE_WORKER');
  assert.equal((await api.ok('GET', '/workers/0')).roles[0], 'ingress');
  await api.fails('PUT', '/streams/65536/readers/w', 404, 'UNKNOWN_REMOTE_WORKER');
  for (const json of [
    ...[{ capacity: 0 }, { capacity: 1.5 }, { capacity: 65_537 }, { capacity: '1' }],
    ...[{ timeoutMs: 10 }, { role: 'ingress' }, { name: '' }, { name: 'a\nb' }, { extra: 1 }],
    ...[[], 'text', 4, null],
  ]) {
    await api.fails('PUT', '/workers/w/heartbeat', 400, 'BAD_REQUEST', { json });
  }
  assert.equal((await api.ok('GET', '/capacity')).remoteWorkers.used, 0);
  await api.ok('PUT', '/workers/w/heartbeat', { json: { name: 'W', role: 'observer' } });
  await api.ok('PUT', '/workers/w/heartbeat');
  for (const json of [{ role: 'responder' }, { name: 'X' }]) {
    await api.fails('PUT', '/workers/w/heartbeat', 400, 'BAD_REQUEST', { json });
  }
  // At once, so that one waits for the other's attachment.
  const many = await Promise.all(
    Array.from({ length: 4 }, (_, i) => api.put(`/workers/v${i % 2}/heartbeat`)),
  );
  assert.deepEqual(many.map(({ status }) => status).sort(), [200, 200, 503, 503]);
  await api.fails('PUT', '/workers/v9/heartbeat', 503, 'TOO_MANY_REMOTE_WORKERS');
});

test('a segment without a free row', bounded, async (t) => {
  const { api } = await setUp(t, { segment: { maxWorkers: 2 } });
  await api.ok('PUT', '/workers/a/heartbeat');
  await api.fails('PUT', '/workers/b/heartbeat', 503, 'NO_FREE_WORKER');
  await api.fails('GET', '/streams?wait=1000', 503, 'NO_FREE_WORKER');
  await api.ok('DELETE', '/workers/a');
});

test('heads that are no heads', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const { stream, token } = (await api.post('/workers/w/take?wait=20000')).json;
  const path = `/streams/${stream}/response/headers`;
  const headers = shown(token);
  for (const json of [
    ...[{}, { status: 99 }, { status: 100 }, { status: 600 }, { status: '200' }, { status: 200.5 }],
    ...[
      { status: 200, headers: {} },
      { status: 200, headers: [['a']] },
      { status: 200, x: 1 },
    ],
    ...[
      { status: 200, headers: [['a', 'b', 'c']] },
      { status: 200, headers: [['a', 1]] },
    ],
  ]) {
    await api.fails('PUT', path, 400, 'BAD_REQUEST', { json, headers });
  }
  const field = (name: string, value: string) => ({
    json: { status: 200, headers: [[name, value]] },
    headers,
  });
  await api.fails('PUT', path, 400, 'HPKS_BAD_HEADER_NAME', field('a b', 'x'));
  await api.fails('PUT', path, 400, 'HPKS_BAD_HEADER_NAME', field('', 'x'));
  await api.fails('PUT', path, 400, 'HPKS_BAD_HEADER_VALUE', field('a', 'x\r\nset-cookie: y'));
  await api.fails('PUT', path, 400, 'HPKS_BAD_HEADER_VALUE', field('a', '\u{1F600}'));
  await api.fails('PUT', path, 413, 'SLOT_TOO_LARGE', field('a', 'x'.repeat(65_536)));
  const many = { status: 200, headers: Array.from({ length: 9000 }, () => ['a', '']) };
  await api.fails('PUT', path, 431, 'HPKS_TOO_MANY_HEADERS', { json: many, headers });
  const text = (bytes: string, type: string) => ({
    bytes,
    headers: { ...headers, 'content-type': type },
  });
  await api.fails('PUT', path, 415, 'UNSUPPORTED_MEDIA_TYPE', text('{"status":200}', 'text/plain'));
  await api.fails('PUT', path, 400, 'BAD_REQUEST', text('{"status":200', 'application/json'));
  await api.fails('PUT', path, 400, 'BAD_REQUEST', {
    ...text('', 'application/json'),
    bytes: new Uint8Array([0xff, 0xfe]),
  });
  const large = ' '.repeat(5 * 2 ** 20);
  await api.fails('PUT', path, 413, 'BODY_TOO_LARGE', text(large, 'application/json'));
  const end = `/streams/${stream}/response/end`;
  // Nothing of all that was written.
  await api.fails('PUT', end, 409, 'ANSWER_OUT_OF_ORDER', { headers });
  await remote.head(stream, token);
  await api.fails('PUT', end, 400, 'HPKS_BAD_HEADER_NAME', {
    json: { trailers: [['a b', 'c']] },
    headers,
  });
  await remote.end(stream, token);
  assert.equal((await uploading).status, 200);
  await api.ok('DELETE', '/workers/w');
  await expectNothingLeft(server, api);
});

test('an answer that breaks its own promise is none', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const { stream, token } = (await api.post('/workers/w/take?wait=20000')).json;
  await remote.head(stream, token, { status: 200, headers: [['content-length', '3']] });
  await api.put(`/streams/${stream}/response/body`, {
    bytes: 'more than 3',
    headers: shown(token),
  });
  const late = await within(
    (async () => {
      for (;;) {
        const answer = await api.put(`/streams/${stream}/response/body`, {
          bytes: 'x',
          headers: shown(token),
        });
        if (answer.status !== 200) return answer;
      }
    })(),
    'the refusal',
  );
  assert.deepEqual([late.status, late.json.error], [410, 'STALE_STREAM']);
  assert.equal(late.json.reason ?? 'INVALID_RESPONSE', 'INVALID_RESPONSE');
  // If its head has gone to the client, that must not take what it gets for whole.
  const got = uploading.then(async (answer) => [answer.status, await answer.text()] as const);
  const [outcome] = await Promise.allSettled([got]);
  if (outcome?.status === 'fulfilled') assert.equal(outcome.value[0], 502, outcome.value[1]);
});

test('lengths, and bodies that end too early', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const { stream, token } = (await api.post('/workers/w/take?wait=20000')).json;
  await remote.head(stream, token);
  const path = `/_upload_response/streams/${stream}/response/body`;
  const claim = `x-upload-response-claim: ${token}`;
  for (const length of ['-1', 'x', '1, 2', '0x10']) {
    const client = await RawClient.connect(server.port());
    client.head(`PUT ${path}`, claim, `content-length: ${length}`);
    assert.equal((await client.response()).status, 400, length);
    client.destroy();
  }
  const client = await RawClient.connect(server.port());
  client.head(`PUT ${path}`, claim, 'content-length: 1000', 'expect: 100-continue');
  await client.sees('100 Continue');
  client.send('part of it');
  const written = async () => (await api.ok('GET', '/workers/w')).remote.claims[0].written;
  await until(async () => (await written()) >= 10, 'what was sent to be written');
  client.destroy();
  // What came was written; the rest follows where it belongs.
  const rest = await within(
    (async () => {
      for (;;) {
        const bytes = 'part of it, and more';
        const answer = await api.put(`/streams/${stream}/response/body?offset=0`, {
          bytes,
          headers: shown(token),
        });
        if (answer.json.error !== 'LANE_BUSY') return answer;
      }
    })(),
    'the aborted request to be over',
  );
  assert.equal(rest.json.written, 20);
  await remote.end(stream, token);
  assert.equal(await (await uploading).text(), 'part of it, and more');
});
