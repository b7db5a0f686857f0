import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';
import { within } from '../../support/until.js';

test('draining finishes what runs, refuses what is new, and ends', async () => {
  const server = await TestServer.start();
  try {
    const running = await RawClient.connect(server.port());
    running.head('POST /upload/overlap', 'transfer-encoding: chunked');
    await running.sees('first');
    const idle = await RawClient.connect(server.port());
    const next = await RawClient.connect(server.port());
    next.head('POST /upload/echo', 'content-length: 0');
    assert.equal((await next.response()).status, 200);
    next.send('POST /upload/echo HTTP/1.1\r\nhost: x\r\n');
    const quiet = await RawClient.connect(server.port('https'), 'https');

    const drained = server.server.drain(new AbortController().signal);
    await Promise.all([idle.ending(), quiet.ending()]);
    await assert.rejects(RawClient.connect(server.port()));
    next.send('content-length: 0\r\n\r\n');
    const refused = await next.response();
    assert.deepEqual([refused.status, refused.headers.get('connection')], [503, 'close']);
    assert.equal(JSON.parse(refused.body.toString()).error, 'SHUTTING_DOWN');

    running.chunk('the rest');
    running.send('0\r\n\r\n');
    assert.match((await running.response()).body.toString(), /^first\n8 /);
    await within(drained, 'the drain');
  } finally {
    await server.stop();
  }
});

test('draining cuts what is left when its time is over', async () => {
  const server = await TestServer.start();
  try {
    const client = await RawClient.connect(server.port());
    const reports = server.worker.reports.length;
    client.head('POST /upload/silent', 'transfer-encoding: chunked');
    client.chunk('x');
    await server.worker.report('reading', reports);
    await within(server.server.drain(AbortSignal.timeout(100)), 'the drain');
    await client.ending();
    assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  } finally {
    await server.stop();
  }
});

test('closing a busy server ends it', async () => {
  const server = await TestServer.start();
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/overlap', 'transfer-encoding: chunked');
  await client.sees('first');
  await within(server.server.close(), 'the close');
  await within(server.server.close(), 'a second close');
  await client.ending();
  await within(server.worker.exited, 'the worker to notice');
  await server.stop();
});

test('an address that is in use: nothing is bound', async () => {
  const server = await TestServer.start({ workers: 0 });
  try {
    await assert.rejects(
      TestServer.start({ workers: 0, http: { port: server.port() } }),
      /EADDRINUSE/,
    );
  } finally {
    await server.stop();
  }
});

test('a certificate that cannot be read is an error of the configuration', async () => {
  await assert.rejects(
    TestServer.start({
      workers: 0,
      http: { tls: { port: 0, certFile: '/nowhere/cert', keyFile: '/nowhere/key' } },
    }),
    { code: 'INVALID_CONFIG' },
  );
});
