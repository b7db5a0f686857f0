import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { HTTP3, Http3Client } from './support.js';

const TIMEOUT = { timeout: 240_000 };

test('draining finishes what runs, refuses what is new, and ends', TIMEOUT, async () => {
  const server = await TestServer.start({ transports: HTTP3 });
  const client = new Http3Client(server);
  try {
    const idle = client.open('/upload/hash', { 'content-length': '0' });
    idle.end();
    await within(idle.first('end'), 'the answer of the idle one');
    const running = client.open('/upload/overlap', { 'content-length': '8' });
    await within(running.first('response'), 'a head');
    const stats = () => server.server.stats().transports.http3;
    assert.equal(stats()?.connections, 2);

    const drained = server.server.drain(new AbortController().signal);
    const isClosed = () => idle.reports.some(({ event }) => event === 'closed');
    await until(isClosed, 'the idle connection to end');
    const late = client.open('/upload/hash', { 'content-length': '0' });
    await assert.rejects(within(late.first('response'), 'the end of the late one'));
    await until(() => (stats()?.refusedTotal.SHUTTING_DOWN ?? 0) > 0, 'the refusal');

    await running.write(Buffer.from('the rest'));
    running.end();
    await within(running.first('end'), 'the whole answer');
    const body = running.reports.map(({ data }) => Buffer.from(data ?? '').toString()).join('');
    assert.match(body, /^first\n8 /);
    await within(drained, 'the drain');
    assert.equal(stats()?.connections, 0);
  } finally {
    client.process.kill();
    await server.stop();
  }
});

test('a large answer that is on its way is not cut by a drain', TIMEOUT, async () => {
  const server = await TestServer.start({ transports: HTTP3 });
  const client = new Http3Client(server);
  try {
    const size = 20_000_000;
    const request = client.open(`/upload/bytes?n=${size}`, { 'content-length': '0' });
    request.end();
    await within(request.first('data'), 'its first bytes');
    await within(server.server.drain(new AbortController().signal), 'the drain');
    await within(request.first('end'), 'the whole answer');
    const bytes = request.reports.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    assert.equal(bytes, size);
  } finally {
    client.process.kill();
    await server.stop();
  }
});

test('draining cuts what is left when its time is over', TIMEOUT, async () => {
  const server = await TestServer.start({ transports: HTTP3 });
  const client = new Http3Client(server);
  try {
    const reports = server.worker.reports.length;
    const request = client.open('/upload/silent', { 'content-length': '10' });
    await request.write(Buffer.from('x'));
    await server.worker.report('reading', reports);
    await within(server.server.drain(AbortSignal.timeout(100)), 'the drain');
    await assert.rejects(within(request.first('response'), 'the cut'));
    assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  } finally {
    client.process.kill();
    await server.stop();
  }
});

test('closing a busy server ends it, and its port is free again', TIMEOUT, async () => {
  const server = await TestServer.start({ transports: HTTP3 });
  const client = new Http3Client(server);
  const { port } = client;
  try {
    const request = client.open('/upload/overlap', { 'content-length': '10' });
    await within(request.first('response'), 'a head');
    await within(server.server.close(), 'the close');
    await within(server.server.close(), 'a second close');
    await assert.rejects(within(request.first('end'), 'the cut'));
    const again = await TestServer.start({ transports: { http3: { enabled: true, port } } });
    await again.stop();
  } finally {
    client.process.kill();
    await server.stop();
  }
});
