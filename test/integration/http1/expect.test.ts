import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';

let server: TestServer;
before(async () => {
  server = await TestServer.start({
    limits: { maxBodyBytes: 1_000_000 },
    segment: { pools: [{ name: 'uploads', streams: 1, requestSlots: 4, responseSlots: 4 }] },
  });
});
after(() => server?.stop());

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

test('100 Continue is sent when there is a stream, and then the answer', async () => {
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', 'content-length: 5', 'expect: 100-continue');
  await client.sees(CONTINUE);
  assert.equal((await client.response()).status, 100);
  client.send('hello');
  assert.equal((await client.response()).status, 200);
  // The expectation was fulfilled here, and is not the worker's business.
  client.head('PUT /upload/head', 'content-length: 2', 'Expect: 100-Continue');
  assert.equal((await client.response()).status, 100);
  client.send('hi');
  assert.doesNotMatch((await client.response()).body.toString(), /expect/);
  client.destroy();
  await server.free();
});

test('without a free stream the final status comes at once, without 100', async () => {
  const holder = await RawClient.connect(server.port());
  holder.head('POST /upload/echo', 'content-length: 1');
  await holder.sees('x-echo');
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', 'content-length: 5', 'expect: 100-continue');
  const { status, headers } = await client.response();
  assert.deepEqual([status, headers.get('retry-after')], [503, '1']);
  assert.equal(headers.get('connection'), 'close');
  holder.destroy();
  client.destroy();
  await server.free();
});

test('a body over the limit gets 413 without 100', async () => {
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', 'content-length: 1000001', 'expect: 100-continue');
  assert.equal((await client.response()).status, 413);
  assert.equal(await client.ending(), 'end');
});

test('an answer before the body takes the place of the body', async () => {
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/early', 'content-length: 5', 'expect: 100-continue');
  assert.equal((await client.response()).status, 100);
  assert.equal((await client.response()).body.toString(), 'early');
  client.send('hello');
  client.head('POST /upload/echo', 'content-length: 4');
  client.send('next');
  assert.equal((await client.response()).body.toString(), 'next');
  client.destroy();
  await server.free();
});

test('any other expectation fails', async () => {
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', 'content-length: 5', 'expect: miracles');
  const { status, body } = await client.response();
  assert.equal(status, 417);
  assert.equal(JSON.parse(body.toString()).error, 'EXPECTATION_FAILED');
  client.destroy();
});
