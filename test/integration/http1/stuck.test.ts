import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';

test('a stopped worker gets no new stream that another one could take', async () => {
  const server = await TestServer.start({ workers: 2 });
  try {
    server.worker.signal('SIGSTOP');
    for (let i = 0; i < 10; i++) {
      const client = await RawClient.connect(server.port());
      client.head('POST /upload/echo', 'content-length: 2');
      client.send('hi');
      const { body } = await within(client.response(), 'an answer');
      assert.equal(body.toString(), 'hi');
      client.destroy();
    }
    assert.ok(server.server.ingress.stats().offersToAllTotal > 0);
  } finally {
    await server.stop();
  }
});

test('the place that a stopped worker holds is set aside, and free when it goes on', async () => {
  const server = await TestServer.start({
    limits: { responseTimeoutMs: 3000 },
    segment: { pools: [{ name: 'uploads', streams: 1, requestSlots: 4, responseSlots: 4 }] },
  });
  try {
    const client = await RawClient.connect(server.port());
    const reports = server.worker.reports.length;
    client.head('POST /upload/silent', 'content-length: 1');
    await server.worker.report('reading', reports);
    server.worker.signal('SIGSTOP');
    client.send('x');
    assert.equal((await client.response()).status, 504);
    assert.equal(server.server.ingress.stats().setAside, 1);
    client.head('POST /upload/echo', 'content-length: 0');
    const refused = await client.response();
    assert.equal(JSON.parse(refused.body.toString()).error, 'NO_FREE_STREAM');
    server.worker.signal('SIGCONT');
    await server.free();
    client.head('POST /upload/echo', 'content-length: 0');
    assert.equal((await client.response()).status, 200);
    client.destroy();
  } finally {
    await server.stop();
  }
});

test('a worker that holds a closed stream for too long is killed, if that is configured', async () => {
  const server = await TestServer.start({
    limits: { responseTimeoutMs: 1000 },
    killStuckAfterMs: 300,
  });
  try {
    const client = await RawClient.connect(server.port());
    const reports = server.worker.reports.length;
    client.head('POST /upload/silent', 'content-length: 1');
    await server.worker.report('reading', reports);
    server.worker.signal('SIGSTOP');
    client.send('x');
    assert.equal((await client.response()).status, 504);
    await until(() => !server.worker.alive, 'the worker to be killed');
    await server.free();
    assert.equal(server.server.ingress.stats().workersDiedTotal, 1);
    client.destroy();
  } finally {
    await server.stop();
  }
});

test('a stopped reader that fills the lane is evicted by name, and the client told', async () => {
  const server = await TestServer.start({ limits: { evictAfterMs: 1000 } });
  try {
    const client = await RawClient.connect(server.port());
    const reports = server.worker.reports.length;
    client.head('POST /upload/hash', `content-length: ${2 ** 24}`);
    client.send('begin');
    await server.worker.report('reading', reports);
    server.worker.signal('SIGSTOP');
    client.send(new Uint8Array(2 ** 24 - 5));
    const { status, body } = await client.response();
    assert.equal(status, 502);
    assert.match(JSON.parse(body.toString()).message, /evicted/);
    assert.equal(server.server.ingress.stats().evictionsTotal, 1);
    assert.ok(server.log.some((line) => line.includes(`pid ${server.worker.pid}`)));
    server.worker.signal('SIGCONT');
    await server.free();
    client.destroy();
  } finally {
    await server.stop();
  }
});
