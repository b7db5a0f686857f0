import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';

/** Longer than a busy machine keeps a worker from running. */
const EVICT_AFTER_MS = 2000;
const SIZE = 32 << 20;

let server: TestServer;
before(async () => {
  server = await TestServer.start({ limits: { evictAfterMs: EVICT_AFTER_MS } });
});
after(() => server?.stop());

test('a client that takes its time with an echo does not cost the worker its place', async () => {
  const socket = connect(server.port(), '127.0.0.1');
  socket.pause();
  socket.write(`POST /upload/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SIZE}\r\n\r\n`);
  socket.write(Buffer.alloc(SIZE, 'slow'));
  let received = 0;
  const done = new Promise<void>((resolve, reject) => {
    socket.on('data', (bytes) => {
      received += bytes.length;
      if (received > SIZE) resolve();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${received} bytes`)));
  });
  socket.pause();
  const isFull = () => {
    const [stream] = server.server.segment.native.streams();
    return stream?.lanes[0]?.full === true && stream.lanes[1]?.full === true;
  };
  await until(isFull, 'both lanes to be full');
  const fullAt = performance.now();
  await until(() => performance.now() > fullAt + 2 * EVICT_AFTER_MS, 'evictions to be due');
  assert.equal(server.server.ingress.stats().evictionsTotal, 0);
  socket.resume();
  await within(done, 'the whole echo');
  socket.destroy();
  await server.free();
});
