import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, Remote, setUp, sha256, shown, upload } from './remote.js';

const bounded = { timeout: 240_000 };
const head = { json: { status: 200 } };

/** 60 uploads, four at a time; says how many the remote worker has answered. */
async function race(server: TestServer): Promise<number> {
  let remote = 0;
  let round = 0;
  const client = async () => {
    while (round < 60) {
      const body = `round ${round++}`;
      const text = await (await within(upload(server, '/hash', body), 'the answer')).text();
      if (text === 'remote') remote++;
      else assert.equal(JSON.parse(text).bytes, body.length);
    }
  };
  await Promise.all([client(), client(), client(), client()]);
  return remote;
}

test('of a remote and a local worker exactly one has each stream', bounded, async (t) => {
  const { server, api } = await setUp(t, { workers: 1 });
  const remote = await Remote.register(api, 'w', { capacity: 100 });
  const stop = new AbortController();
  let answered = 0;
  const working = (async () => {
    while (!stop.signal.aborted) {
      const { streams } = await api.ok('GET', '/streams?worker=w&wait=100');
      for (const { id } of streams) {
        const claim = await api.put(`/streams/${id}/response/claim/w`);
        if (claim.status === 200) {
          await remote.answer(id, claim.json.token, 'remote');
          answered++;
        } else assert.ok(['ALREADY_CLAIMED', 'STALE_STREAM'].includes(claim.json.error));
      }
    }
  })();
  const won = await race(server);
  stop.abort();
  await working;
  assert.equal(answered, won);
  await api.ok('DELETE', '/workers/w');
  await expectNothingLeft(server, api, 1);
});

test('taking costs no race: a remote worker has its share', bounded, async (t) => {
  // Whoever a stream is offered to has it for itself, however long taking it lasts.
  const { server, api } = await setUp(t, { limits: { claimPatienceMs: 20_000 } });
  const remote = await Remote.register(api, 'w', { capacity: 100 });
  await server.addWorker();
  const stop = new AbortController();
  let answered = 0;
  const working = (async () => {
    while (!stop.signal.aborted) {
      const { status, json } = await api.post('/workers/w/take?wait=100');
      if (status === 204) continue;
      assert.equal(status, 200);
      assert.equal(json.request.path, '/upload/hash');
      await remote.answer(json.stream, json.token, 'remote');
      answered++;
    }
  })();
  const won = await race(server);
  stop.abort();
  await working;
  assert.equal(answered, won);
  assert.ok(won > 0 && won < 60, `${won} of 60`);
  await api.ok('DELETE', '/workers/w');
  await expectNothingLeft(server, api, 1);
});

test(
  'taking joins the request, keeps to paths and capacity, and may come back',
  bounded,
  async (t) => {
    const { server, api } = await setUp(t);
    const remote = await Remote.register(api, 'w');
    const other = upload(server, '/other', 'x');
    const take = '/workers/w/take?path=/upload/mine';
    assert.equal((await api.post(`${take}&wait=200`)).status, 204);
    const mine = upload(server, '/mine/1', 'mine');
    const first = await api.post(`${take}&wait=20000`);
    assert.equal(first.json.request.path, '/upload/mine/1');
    const { stream, token } = first.json;
    assert.deepEqual((await api.ok('GET', '/workers/w')).remote.reads, [
      { stream, lane: 'request', acknowledged: 0 },
    ]);
    // It works on as much as it can.
    assert.equal((await api.post('/workers/w/take?wait=50')).status, 204);
    const waiting = api.post('/workers/w/take?wait=20000');
    assert.equal((await remote.hash(stream)).size, 4);
    await remote.answer(stream, token, 'mine');
    assert.equal(await (await mine).text(), 'mine');
    const second = await within(waiting, 'the other one');
    assert.equal(second.json.request.path, '/upload/other');
    await api.delete(`/streams/${second.json.stream}/response/claim/w`);
    await api.delete(`/streams/${second.json.stream}/readers/w`);
    const again = await api.post('/workers/w/take?wait=20000');
    assert.equal(again.json.stream, second.json.stream);
    assert.notEqual(again.json.token, second.json.token);
    await remote.answer(again.json.stream, again.json.token, 'other');
    assert.equal(await (await other).text(), 'other');
    await Remote.register(api, 'o', { role: 'observer' });
    await api.fails('POST', '/workers/o/take', 400, 'BAD_REQUEST');
  },
);

test('a client that leaves while it takes has taken nothing', bounded, async (t) => {
  const { server, api } = await setUp(t);
  await Remote.register(api, 'w');
  const two = await Remote.register(api, 'two');
  const gone = new AbortController();
  const taking = api.post('/workers/w/take?wait=20000', { signal: gone.signal });
  await until(async () => (await api.ok('GET', '/capacity')).remoteWorkers.used === 2, 'both');
  gone.abort();
  await assert.rejects(taking, /abort/);
  const uploading = upload(server, '', 'x');
  const { stream, token } = (await api.post('/workers/two/take?wait=20000')).json;
  await two.answer(stream, token, 'two');
  assert.equal(await (await uploading).text(), 'two');
});

test('a claim is one: it is fenced by its token, and given back', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const one = await Remote.register(api, 'one');
  const two = await Remote.register(api, 'two');
  const uploading = upload(server, '', 'x');
  const stream = await one.next();
  const token = await one.claim(stream);
  assert.equal(await one.claim(stream), token);
  assert.equal((await api.ok('GET', '/workers/one')).inFlight, 1);
  const claim = `/streams/${stream}/response/claim`;
  await api.fails('PUT', `${claim}/two`, 409, 'ALREADY_CLAIMED');
  const headers = `/streams/${stream}/response/headers`;
  await api.fails('PUT', headers, 409, 'NOT_OWNER', head);
  await api.fails('PUT', headers, 409, 'NOT_OWNER', { ...head, headers: shown('guess') });
  assert.equal((await api.delete(`${claim}/two`)).status, 204);
  assert.equal((await api.delete(`${claim}/one`)).status, 204);
  await api.fails('PUT', headers, 409, 'NOT_OWNER', { ...head, headers: shown(token) });
  // Given back unwritten it is told to everybody again.
  assert.equal(await two.next(), stream);
  const other = await two.claim(stream);
  assert.notEqual(other, token);
  await api.fails('PUT', headers, 409, 'NOT_OWNER', { ...head, headers: shown(token) });
  await two.answer(stream, other, 'two');
  assert.equal(await (await uploading).text(), 'two');
  await api.ok('DELETE', '/workers/one');
  await api.ok('DELETE', '/workers/two');
  await expectNothingLeft(server, api);
});

test('an observer claims no answer; who gives up is believed', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const observer = await Remote.register(api, 'o', { role: 'observer' });
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const stream = await observer.next();
  await api.fails('PUT', `/streams/${stream}/response/claim/o`, 400, 'BAD_REQUEST');
  await remote.claim(stream);
  await api.ok('DELETE', `/streams/${stream}/response/claim/w?failed=true`);
  const answer = await within(uploading, 'the answer');
  assert.equal(answer.status, 502);
  assert.equal(((await answer.json()) as { error: string }).error, 'WORKER_FAILED');
});

test('parts come in order, once, and may be repeated by their offset', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const stream = await remote.next();
  const headers = shown(await remote.claim(stream));
  const path = `/streams/${stream}/response`;
  await api.fails('PUT', `${path}/body`, 409, 'ANSWER_OUT_OF_ORDER', { bytes: 'x', headers });
  await api.fails('PUT', `${path}/end`, 409, 'ANSWER_OUT_OF_ORDER', { headers });
  await api.ok('PUT', `${path}/headers`, { ...head, headers });
  await api.fails('PUT', `${path}/headers`, 409, 'ANSWER_OUT_OF_ORDER', { ...head, headers });
  const body = (query: string, bytes: string) =>
    api.put(`${path}/body${query}`, { bytes, headers });
  assert.deepEqual((await body('', 'hello')).json, { written: 5 });
  assert.deepEqual((await body('?offset=0', 'hello')).json, { written: 5 });
  assert.deepEqual((await body('?offset=3', 'lo wor')).json, { written: 9 });
  const gap = await body('?offset=10', 'late');
  assert.deepEqual([gap.status, gap.json.error], [409, 'ANSWER_OUT_OF_ORDER']);
  assert.equal(gap.headers.get('x-upload-response-written'), '9');
  assert.deepEqual((await body('', '')).json, { written: 9 });
  assert.equal((await body('?offset=9', 'ld')).headers.get('x-upload-response-written'), '11');
  await api.ok('PUT', `${path}/end`, { headers });
  assert.equal(await (await uploading).text(), 'hello world');
});

test(
  'without room in time a write says how far it came, and is gone on with',
  bounded,
  async (t) => {
    const { server, api } = await setUp(t);
    const remote = await Remote.register(api, 'w');
    const uploading = upload(server, '', 'x');
    const stream = await remote.next();
    const token = await remote.claim(stream);
    const headers = shown(token);
    const path = `/streams/${stream}/response/body`;
    await remote.head(stream, token);
    const answer = await within(uploading, 'the head');
    const { bytes, sha256: expected } = noise(40_000_000);
    const full = await api.fails('PUT', `${path}?wait=100`, 503, 'FULL', { bytes, headers });
    let written = Number(full.headers.get('x-upload-response-written'));
    assert.ok(written > 0 && written < bytes.length);
    const claims = async () => (await api.ok('GET', '/workers/w')).remote.claims;
    assert.deepEqual(await claims(), [{ stream, lane: 'response', written }]);
    // While one request waits for room another one would not know where its bytes go.
    const rest = { bytes: bytes.subarray(written), headers };
    const waiting = api.put(`${path}?offset=${written}&wait=20000`, rest);
    await until(async () => (await claims())[0].written > written || (await busy()), 'the write');
    async function busy() {
      const answer = await api.put(`${path}?wait=0`, { bytes: '', headers });
      return answer.json.error === 'LANE_BUSY';
    }
    await api.fails('PUT', `/streams/${stream}/response/end`, 409, 'LANE_BUSY', { headers });
    const received = answer.arrayBuffer();
    written = (await within(waiting, 'the rest')).json.written;
    assert.equal(written, bytes.length);
    await remote.end(stream, token);
    assert.equal(sha256(new Uint8Array(await received)), expected);
  },
);

test('a write is over when its stream is: the client has left', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const gone = new AbortController();
  const uploading = fetch(server.url('/upload'), { method: 'PUT', body: 'x', signal: gone.signal });
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await remote.join(stream);
  await remote.head(stream, token);
  await uploading;
  const path = `/streams/${stream}/response/body`;
  const headers = shown(token);
  const writing = api.put(path, { bytes: noise(40_000_000).bytes, headers });
  const reading = api.get(`/streams/${stream}/response/slots/9999?wait=20000`);
  await until(async () => (await api.ok('GET', `/streams/${stream}`)).lanes[1].full, 'a full lane');
  gone.abort();
  for (const one of [writing, reading]) {
    const { status, json } = await within(one, 'the news');
    assert.deepEqual([status, json.error, json.reason], [410, 'STALE_STREAM', 'CLIENT_GONE']);
  }
  await api.fails('PUT', path, 410, 'STALE_STREAM', { bytes: 'x', headers });
  await api.fails('GET', `/streams/${stream}/request/slots/1?worker=w`, 410, 'STALE_STREAM');
  const { remote: held } = await api.ok('GET', '/workers/w');
  assert.deepEqual([held.claims, held.reads], [[], []]);
  await api.ok('DELETE', '/workers/w');
  await expectNothingLeft(server, api);
});
