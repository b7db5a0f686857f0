import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { sample } from '../../conformance/tools.js';
import { closePayload, Opcode, RawWebSocket } from '../../support/raw-websocket.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { TestSocket } from '../../support/websocket.js';

describe('clients that do not read', () => {
  let server: TestServer;
  /** Cuts off who takes nothing. */
  let hasty: TestServer;
  before(async () => {
    server = await TestServer.start();
    hasty = await TestServer.start({ limits: { clientStallTimeoutMs: 1000 } });
  });
  afterEach(() => Promise.all([server.free(), hasty.free()]));
  after(async () => {
    await server?.stop();
    await hasty?.stop();
  });

  const lanes = () => server.server.segment.native.streams()[0]?.lanes;

  /** Resolves when the client's kernel, and ours, take no more of the answer. */
  async function stalled(): Promise<void> {
    await until(() => lanes()?.[1]?.full === true, 'a full response lane');
    let bytes = -1;
    let since = 0;
    await until(() => {
      const { sentBytes = 0 } = server.server.ingress.stats().transports.websocket ?? {};
      if (sentBytes !== bytes) since = performance.now();
      bytes = sentBytes;
      return performance.now() - since > 100;
    }, 'the answer to stand still');
  }

  /** The connection ends without a close frame. */
  const isCut = (client: RawWebSocket) =>
    assert.rejects(client.rest(), /ended before a frame/, 'a close frame came');

  test('the response waits in its lane for a slow client, and arrives whole', async () => {
    const size = 24 * 2 ** 20;
    const client = await TestSocket.open(server, `/upload/bytes?n=${size}`);
    client.socket.pause();
    client.send();
    await stalled();
    client.socket.resume();
    assert.equal((await client.body()).length, size);
    assert.equal((await client.close()).code, 1000);
  });

  test('one that takes nothing is cut off, and the worker told', async () => {
    const reports = hasty.worker.reports.length;
    const client = await RawWebSocket.open(hasty.port(), `/upload/bytes?n=${2 ** 26}`);
    client.client.pause();
    client.send(Opcode.binary);
    assert.equal((await hasty.worker.report('failed', reports)).abort, 'CLIENT_GONE');
    client.client.resume();
    await isCut(client);
  });

  test('a worker that dies while its answer waits in the socket: a cut and no close', async () => {
    const client = await RawWebSocket.open(server.port(), `/upload/bytes?n=${2 ** 26}`);
    client.client.pause();
    client.send(Opcode.binary);
    await stalled();
    await server.worker.kill();
    await server.free();
    client.client.resume();
    await isCut(client);
    await server.keepWorkers(1);
  });

  test('one that gives up while its answer waits in the socket gets no foreign byte', async () => {
    const reports = server.worker.reports.length;
    const client = await RawWebSocket.open(server.port(), `/upload/bytes?n=${2 ** 26}`);
    client.client.pause();
    client.send(Opcode.binary);
    await stalled();
    client.send(Opcode.close, closePayload(4001, 'enough'));
    assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
    client.client.resume();
    await isCut(client);
  });

  test('pings whose answers nobody reads do not pile up', async () => {
    const client = await RawWebSocket.open(hasty.port(), '/upload/silent');
    client.client.pause();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const gone = () => hasty.server.stats().transports.websocket?.connections === 0;
    for (let i = 0; i < 500_000 && !gone(); i++) {
      client.send(Opcode.ping, 'p'.repeat(125));
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(gone, 'the connection to be cut');
    const now = process.memoryUsage();
    assert.ok(now.heapUsed + now.arrayBuffers < heapUsed + arrayBuffers + 256 * 2 ** 20);
    client.destroy();
  });
});

test('a slow ring pauses the socket: what has no room stays with the client', async () => {
  const server = await TestServer.start({ limits: { evictAfterMs: 60_000 } });
  try {
    const reports = server.worker.reports.length;
    const client = await RawWebSocket.open(server.port(), '/upload/hash');
    client.send(Opcode.binary, 'begin');
    await server.worker.report('reading', reports);
    server.worker.signal('SIGSTOP');
    const part = sample(65_536);
    for (let i = 0; i < 512; i++) client.send(Opcode.binary, part);
    client.send(Opcode.binary);
    const full = () => server.server.segment.native.streams()[0]?.lanes[0]?.full === true;
    await until(full, 'a full lane');
    assert.ok(client.client.unsent > 2 ** 20, `${client.client.unsent} bytes wait at the client`);
    const { waitingBytes } = server.server.ingress.stats();
    assert.ok(waitingBytes <= 2 * 65_536, `${waitingBytes} bytes wait in the server`);
    server.worker.signal('SIGCONT');
    const { body, code } = await client.rest();
    assert.deepEqual([JSON.parse(body.toString()).bytes, code], [512 * 65_536 + 5, 1000]);
    client.destroy();
    await server.free();
  } finally {
    await server.stop();
  }
});
