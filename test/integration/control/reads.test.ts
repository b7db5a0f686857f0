import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { decodeHeaders } from '../../../src/protocols/hpks/index.js';
import type { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, Remote, setUp, sha256, upload } from './remote.js';

const bounded = { timeout: 240_000 };

/** An upload that goes on as the test says. */
function slowUpload(server: TestServer, path = '/slow') {
  const out = request(server.url(`/upload${path}`), { method: 'PUT' });
  const response = once(out, 'response') as Promise<[import('node:http').IncomingMessage]>;
  response.catch(() => undefined);
  return { out, response };
}

test('a read waits for its slot, and a longer one ends in time', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const { out, response } = slowUpload(server);
  out.write('first');
  const remote = await Remote.register(api, 'w');
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await remote.join(stream);
  const slots = `/streams/${stream}/request/slots`;
  await until(async () => (await api.get(`${slots}/2`)).status === 200, 'the first bytes');
  const none = await api.get(`${slots}/3?worker=w&wait=50`);
  assert.deepEqual([none.status, none.bytes.length], [204, 0]);
  for (const who of ['&worker=w', '']) {
    const { last } = await api.ok('GET', `/streams/${stream}/request/last`);
    const waiting = api.get(`${slots}/${last + 1}?wait=20000${who}`);
    const moved = api.get(`/streams/${stream}/request/last?after=${last}&wait=20000`);
    out.write(`more${who}`);
    const got = await within(waiting, 'the slot');
    assert.equal(got.bytes.toString(), `more${who}`);
    assert.equal(got.headers.get('x-upload-response-slot'), String(last + 1));
    assert.equal((await within(moved, 'the news')).json.last, last + 1);
  }
  out.end();
  const { last } = (await api.get(`/streams/${stream}/request/last?after=4&wait=20000`)).json;
  const end = await api.get(`${slots}/${last}?wait=20000`);
  assert.equal(end.headers.get('x-upload-response-slot-type'), 'end');
  assert.equal(end.bytes.length, 0);
  assert.deepEqual(
    (await api.get(`/streams/${stream}/request/last?wait=20000&after=${last}`)).json,
    {
      last,
      ended: true,
    },
  );
  await remote.answer(stream, token, 'done');
  const [message] = await within(response, 'the answer');
  message.resume();
  await once(message, 'end');
  await api.ok('DELETE', '/workers/w');
  await expectNothingLeft(server, api);
});

test('observers read copies and hold nobody back', bounded, async (t) => {
  const { server, api } = await setUp(t, { workers: 1 });
  const body = noise(8_000_000);
  const { streams } = await api.ok('GET', '/streams');
  assert.deepEqual(streams, []);
  const waiting = api.ok('GET', '/streams?wait=20000');
  const { out, response } = slowUpload(server, '/hash');
  out.write(body.bytes.subarray(0, 100_000));
  const [stream] = (await within(waiting, 'a stream')).streams;
  const path = `/streams/${stream.id}`;
  const raw = await api.get(`${path}/request/slots/1`);
  assert.equal(raw.headers.get('x-upload-response-slot-type'), 'headers');
  const { head } = decodeHeaders(raw.bytes).frame;
  assert.ok(head.kind === 'request' && head.path === '/upload/hash');
  const accept = { headers: { accept: 'text/html, application/json;q=0.9' } };
  const { json } = await api.get(`${path}/request/slots/1`, accept);
  assert.deepEqual([json.method, json.path], ['PUT', '/upload/hash']);
  const second = await api.get(`${path}/request/slots/2?wait=5000`, accept);
  assert.equal(second.headers.get('content-type'), 'application/octet-stream');
  const readers = async () => (await api.ok('GET', path)).lanes[0].readers.length;
  await until(async () => (await readers()) <= 2, 'the server and its worker to read');
  // A read that waits for a slot far ahead does not keep the upload from getting there.
  const ahead = api.get(`${path}/request/slots/60?wait=20000`);
  out.end(body.bytes.subarray(100_000));
  const [message] = await within(response, 'the answer');
  const [text] = (await once(message, 'data')) as [Buffer];
  assert.equal(JSON.parse(text.toString()).sha256, body.sha256);
  const { status, json: error } = await within(ahead, 'the slot, or its absence');
  assert.ok(
    status === 200 || error.error === 'LAPPED' || error.error === 'STALE_STREAM',
    `${status}`,
  );
  await expectNothingLeft(server, api, 1);
});

test('a slot that was overwritten is gone for who did not hold it', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const { out } = slowUpload(server);
  out.on('error', () => undefined);
  out.write(new Uint8Array(8 * 65_536));
  const stream = await remote.next();
  await remote.claim(stream);
  await remote.join(stream);
  const slots = `/streams/${stream}/request/slots`;
  // The lane has 8 slots: 9 comes when 1 is given back.
  const first = await remote.slot(stream, 1);
  assert.equal(first.type, 'headers');
  const again = await remote.slot(stream, 1);
  assert.deepEqual(again.bytes, first.bytes);
  await remote.slot(stream, 2);
  await within(api.get(`${slots}/9?wait=20000`), 'slot 9');
  await api.fails('GET', `${slots}/1`, 410, 'LAPPED');
  await api.fails('GET', `${slots}/1?worker=w`, 410, 'LAPPED');
  assert.equal((await api.ok('GET', `/streams/${stream}`)).request, null);
  assert.equal((await api.get(`${slots}/2`)).status, 200);
  out.destroy();
  await api.ok('DELETE', '/workers/w');
  await expectNothingLeft(server, api);
});

test('a response is read as it is written, its trailers decoded', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const answering = upload(server, '', 'x');
  const stream = await remote.next();
  const token = await remote.claim(stream);
  const slots = `/streams/${stream}/response/slots`;
  const head = api.get(`${slots}/1?wait=20000`, { headers: { accept: 'application/json' } });
  await remote.head(stream, token, { status: 202, headers: [['x-a', 'ü']] });
  assert.deepEqual((await within(head, 'the head')).json, {
    version: 1,
    status: 202,
    headers: [['x-a', 'ü']],
  });
  const body = api.get(`${slots}/2?wait=20000`);
  await remote.write(stream, token, 'bytes');
  assert.equal((await within(body, 'the body')).bytes.toString(), 'bytes');
  const last = api.get(`${slots}/3?wait=20000`, { headers: { accept: 'application/json' } });
  await remote.end(stream, token, { trailers: [['x-sum', '5']] });
  const answer = await within(answering, 'the answer');
  assert.equal(await answer.text(), 'bytes');
  // Who is not the client may come too late for the end.
  const { status, json } = await within(last, 'the trailers');
  if (status === 200) assert.deepEqual(json, { trailers: [['x-sum', '5']] });
  else assert.equal(json.error, 'STALE_STREAM');
});

test('streams that are newer are waited for, those that are known are not', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const one = slowUpload(server);
  one.out.write('1');
  one.out.on('error', () => undefined);
  const first = await within(api.ok('GET', '/streams?wait=20000'), 'the first');
  assert.equal(first.streams.length, 1);
  const none = await api.ok('GET', `/streams?wait=30&after=${first.serial}`);
  assert.deepEqual(none, { streams: [], serial: first.serial });
  const waiting = api.ok('GET', `/streams?wait=20000&after=${first.serial}`);
  const two = slowUpload(server);
  two.out.write('2');
  two.out.on('error', () => undefined);
  const { streams, serial } = await within(waiting, 'the second');
  assert.deepEqual([streams.length, streams[0].serial], [1, serial]);
  assert.ok(serial > first.serial);
  one.out.destroy();
  two.out.destroy();
  await expectNothingLeft(server, api);
});

test('a client that leaves while it waits leaves nothing behind', bounded, async (t) => {
  const { server, api } = await setUp(t);
  const remote = await Remote.register(api, 'w');
  const gone = new AbortController();
  const { signal } = gone;
  const waits = [
    api.get('/streams?wait=50000', { signal }),
    api.get('/streams?wait=50000&worker=w', { signal }),
  ];
  await until(
    async () => (await api.ok('GET', '/workers')).workers.length === 3,
    'the waits to begin',
  );
  await api.ok('PUT', '/workers/w/heartbeat', { json: { timeoutMs: 1000 } });
  gone.abort();
  for (const wait of waits) await assert.rejects(wait, /abort/);
  // Its time counts from the end of the wait: it is dead long before the wait would have been over.
  await until(
    async () => (await api.get(`/workers/${remote.id}`)).status === 404,
    'the worker to be dead',
  );
  const body = noise(100);
  const local = await server.addWorker();
  const answer = await within(upload(server, '/hash', body.bytes), 'an answer');
  assert.equal(((await answer.json()) as { sha256: string }).sha256, sha256(body.bytes));
  await local.kill();
  await expectNothingLeft(server, api);
});
