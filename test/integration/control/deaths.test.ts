import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { Lane, Segment, WorkerRole } from '../../../src/ring/index.js';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, Remote, setUp, upload } from './remote.js';

const bounded = { timeout: 240_000 };
const dead = { timeoutMs: 1000 };
/** Dies soon, but not of a request that a busy machine keeps waiting. */
const mortal = { timeoutMs: 2500 };

test('what a silent remote worker had claimed goes to a local one', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const body = noise(300_000);
  const uploading = upload(server, '/hash', body.bytes);
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await remote.join(stream);
  assert.equal((await remote.slot(stream, 1)).type, 'headers');
  await server.addWorker();
  // Its last word.
  await api.ok('PUT', '/workers/w/heartbeat', { json: dead });
  const answer = (await (await within(uploading, 'the answer')).json()) as { sha256: string };
  assert.equal(answer.sha256, body.sha256);
  const { requeuesTotal, workersDiedTotal } = server.server.ingress.stats();
  assert.deepEqual([requeuesTotal, workersDiedTotal], [1, 1]);
  assert.ok(server.log.some((line) => line.startsWith('remote worker was silent for too long')));
  await api.fails('GET', '/workers/w', 404, 'UNKNOWN_REMOTE_WORKER');
  await api.fails('GET', '/streams?worker=w', 404, 'UNKNOWN_REMOTE_WORKER');
  const late = await api.put(`/streams/${stream}/response/headers`, {
    json: { status: 200 },
    headers: { 'x-upload-response-claim': token },
  });
  assert.ok([409, 410].includes(late.status));
  await expectNothingLeft(server, api, 1);
});

test('after the head of its answer the client is cut off', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await remote.head(stream, token);
  await remote.write(stream, token, 'half of ');
  await api.ok('PUT', '/workers/w/heartbeat', { json: dead });
  const answer = await within(uploading, 'the head');
  await assert.rejects(within(answer.text(), 'the end'), /terminated/);
  await expectNothingLeft(server, api);
});

test('heartbeats, and any request of it, keep it alive', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const stream = await remote.next();
  const token = await remote.claim(stream);
  const lives = async (id: string, request: () => Promise<unknown>) => {
    const { row } = await api.ok('PUT', `/workers/${id}/heartbeat`, { json: mortal });
    const began = performance.now();
    await until(async () => {
      await request();
      return performance.now() - began > 1.5 * mortal.timeoutMs;
    }, 'some time of it');
    assert.equal((await api.ok('GET', `/workers/${id}`)).row, row);
    await api.ok('PUT', `/workers/${id}/heartbeat`, { json: { timeoutMs: 300_000 } });
  };
  await Promise.all([
    lives('w', () => remote.claim(stream)),
    lives('beats', () => api.ok('PUT', '/workers/beats/heartbeat')),
    // While it waits it need not be heard of.
    lives('waits', () => api.ok('GET', `/streams?worker=waits&wait=${2 * mortal.timeoutMs}`)),
  ]);
  await remote.answer(stream, token, 'still here');
  assert.equal(await (await uploading).text(), 'still here');
});

test('while it sends an answer slowly it lives', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const uploading = upload(server, '', 'x');
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await remote.head(stream, token);
  await api.ok('PUT', '/workers/w/heartbeat', { json: mortal });
  const out = request(server.url(`/_upload_response/streams/${stream}/response/body`), {
    method: 'PUT',
    headers: { 'x-upload-response-claim': token },
  });
  const answered = once(out, 'response');
  const answer = await within(uploading, 'the head');
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < 1.5 * mortal.timeoutMs) {
    out.write('.'.repeat(10));
    sent += 10;
    // Each piece comes while the request goes on.
    for (let got = 0; got < 10; ) {
      const { done, value } = await within(reader.read(), 'the piece');
      assert.equal(done, false);
      got += value?.length ?? 0;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  out.end();
  await within(answered, 'the end of the request');
  await api.ok('PUT', '/workers/w/heartbeat', { json: { timeoutMs: 300_000 } });
  assert.equal((await api.ok('GET', '/workers/w')).remote.claims[0].written, sent);
  await remote.end(stream, token);
  assert.equal((await reader.read()).done, true);
});

test('a worker that leaves gives everything back at once', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const one = await Remote.register(api, 'one');
  const two = await Remote.register(api, 'two');
  const uploading = upload(server, '', 'x');
  const stream = await one.next();
  await one.claim(stream);
  await one.join(stream);
  const waiting = api.get('/streams?worker=one&wait=20000');
  assert.equal((await api.delete('/workers/one')).status, 204);
  const { status, json } = await within(waiting, 'its own wait to end');
  assert.deepEqual([status, json.error], [404, 'UNKNOWN_REMOTE_WORKER']);
  await api.fails('DELETE', '/workers/one', 404, 'UNKNOWN_REMOTE_WORKER');
  assert.equal(await two.next(), stream);
  await two.answer(stream, await two.claim(stream), 'two');
  assert.equal(await (await uploading).text(), 'two');
  await api.ok('DELETE', '/workers/two');
  await expectNothingLeft(server, api);
});

test('when the server closes, whoever waits is told', bounded, async (t) => {
  const { server, api } = await setUp(t);
  await Remote.register(api, 'w');
  const paths = ['/streams?wait=50000', '/streams?wait=50000&worker=w'];
  const waits = Promise.allSettled(paths.map((path) => api.get(path)));
  await until(async () => (await api.ok('GET', '/workers')).workers.length === 3, 'the waits');
  await within(server.server.close(), 'the end of the server');
  for (const ended of await within(waits, 'the end of the waits')) {
    // Its connection may be gone before the answer is.
    if (ended.status === 'fulfilled') assert.equal(ended.value.json.error, 'SHUTTING_DOWN');
  }
});

test(
  'a server that drains lets remote workers finish, and tells them of nothing new',
  bounded,
  async (t) => {
    const { server, api } = await setUp(t);
    const remote = await Remote.register(api, 'w', { capacity: 4 });
    const uploading = upload(server, '', 'x');
    const stream = await remote.next();
    const token = await remote.claim(stream);
    await remote.join(stream);
    const waiting = api.get('/streams?worker=w&wait=50000');
    await until(async () => (await api.ok('GET', '/capacity')).pools[0].used === 1, 'the stream');
    const patience = new AbortController();
    const drained = server.server.drain(patience.signal);
    const { status, json } = await within(waiting, 'the wait to end');
    assert.deepEqual([status, json.error], [503, 'SHUTTING_DOWN']);
    assert.equal((await remote.slot(stream, 2)).bytes.toString(), 'x');
    await remote.head(stream, token);
    await remote.write(stream, token, 'finished');
    await remote.end(stream, token);
    assert.equal(await (await within(uploading, 'the answer')).text(), 'finished');
    await within(drained, 'the server to be drained');
  },
);

test('a server that kills who holds a closed stream does not kill itself', bounded, async (t) => {
  const { server } = await setUp(t, { workers: 1, killStuckAfterMs: 200 });
  const { socket } = server.server;
  // A row like a remote worker's, of the server's own process, which never lets go.
  const segment = await Segment.attach({
    ...{ socket, name: 'stuck', role: WorkerRole.observer, observer: '', capacity: 0 },
  });
  t.after(() => segment.close());
  const hold = async (path: string) => {
    const gone = new AbortController();
    const options = { method: 'PUT', body: 'x', signal: gone.signal };
    const uploading = fetch(server.url(`/upload${path}`), options).catch(() => undefined);
    await until(() => segment.native.listStreams(false).length > 0, 'the stream');
    const [stream = 0] = segment.native.listStreams(false);
    // Kept, because a reader that nobody refers to leaves.
    const reader = segment.join(stream, Lane.request, 0);
    const leave = async () => {
      gone.abort();
      await uploading;
    };
    return { reader, leave };
  };
  const first = await hold('/none');
  await first.leave();
  await until(() => server.server.ingress.stats().setAside === 1, 'a stream to be set aside');
  // The next one is held by a stopped worker too: when that is dead, the first one's time is over.
  const reports = server.worker.reports.length;
  const second = await hold('/silent');
  await server.worker.report('reading', reports);
  server.worker.signal('SIGSTOP');
  await second.leave();
  await until(() => !server.worker.alive, 'the stopped worker to be killed');
  assert.equal(server.server.ingress.stats().setAside, 2);
  assert.ok(!first.reader.left && !second.reader.left);
  segment.close();
  await within(server.free(), 'both places to be free');
});
