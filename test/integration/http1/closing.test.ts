import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';

const LINGER_BYTES = 4 * 2 ** 20;

const limits = { maxBodyBytes: 64 * 2 ** 20 };

/** Cuts soon; and one that does not, where a client must not be cut. */
let server: TestServer;
let patient: TestServer;
before(async () => {
  server = await TestServer.start({
    limits: { ...limits, clientStallTimeoutMs: 1000 },
    transports: { http1: { lingerMs: 700, lingerBytes: LINGER_BYTES } },
  });
  patient = await TestServer.start({
    limits,
    transports: { http1: { lingerMs: 60_000, lingerBytes: LINGER_BYTES } },
  });
});
after(async () => {
  await server?.stop();
  await patient?.stop();
});

const MEGABYTE = new Uint8Array(2 ** 20);

/** Sends until the server takes no more. Resolves with the bytes that it took. */
async function flood(client: RawClient): Promise<number> {
  let sent = 0;
  for (; sent < 100 * 2 ** 20 && !client.ended; sent += MEGABYTE.length) {
    client.send(MEGABYTE);
    await until(() => client.unsent === 0 || client.ended, 'room');
  }
  return sent;
}

for (const scheme of ['http', 'https'] as const) {
  test(`${scheme}: a client that still sends sees the error, and the end of the connection`, async () => {
    const client = await RawClient.connect(server.port(scheme), scheme);
    client.head('POST /upload/hash', `content-length: ${2 ** 30}`);
    client.send(MEGABYTE);
    const { status, headers } = await client.response();
    assert.deepEqual([status, headers.get('connection')], [413, 'close']);
    assert.equal(await client.ending(), 'end');
    client.send(MEGABYTE);
    client.destroy();
  });
}

test('what is read away after an error is bounded in bytes', async () => {
  const client = await RawClient.connect(patient.port());
  client.head('POST /nowhere', 'transfer-encoding: chunked');
  assert.equal((await client.response()).status, 404);
  client.send('40000000\r\n');
  // What the kernel's buffers hold comes on top.
  assert.ok((await flood(client)) < 80 * 2 ** 20);
});

test('what is read away after an error is bounded in time', async () => {
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/hash', `content-length: ${2 ** 30}`);
  assert.equal((await client.response()).status, 413);
  await until(
    () => server.server.stats().transports.http1?.connections === 0,
    'the connection to end',
  );
  client.destroy();
});

test('the rest of a request after its answer is read away, and the connection goes on', async () => {
  const client = await RawClient.connect(patient.port());
  client.head('POST /upload/early', `content-length: ${2 * 2 ** 20}`);
  assert.equal((await client.response()).body.toString(), 'early');
  client.send(MEGABYTE);
  client.send(MEGABYTE);
  client.head('POST /upload/echo', 'content-length: 2');
  client.send('hi');
  assert.equal((await client.response()).body.toString(), 'hi');
  client.destroy();
  await patient.free();
});

test('too much of a request after its answer cuts the connection', async () => {
  const client = await RawClient.connect(patient.port());
  client.head('POST /upload/early', 'transfer-encoding: chunked');
  assert.equal((await client.response()).body.toString(), 'early');
  client.send('40000000\r\n');
  assert.ok((await flood(client)) < 80 * 2 ** 20);
  await client.ending();
});

test('a request that does not end after its answer cuts the connection', async () => {
  const client = await RawClient.connect(server.port());
  client.head('POST /upload/early', 'content-length: 10');
  assert.equal((await client.response()).body.toString(), 'early');
  await client.ending();
  await server.free();
});

test('a client that does not take its answer is cut off, and the stream is free', async () => {
  const client = await RawClient.connect(server.port());
  client.head(`POST /upload/bytes?n=${200 * 2 ** 20}`, 'content-length: 0');
  await client.sees('200 OK');
  client.pause();
  await until(
    () => (server.server.ingress.stats().transports.http1?.failedTotal.CLIENT_GONE ?? 0) > 0,
    'the client to be given up',
  );
  client.resume();
  // A reset: but libuv, which sees it together with unread bytes, calls it an end.
  await assert.rejects(client.response());
  await server.free();
});

test('a slow reader of a long answer gets all of it', async () => {
  const client = await RawClient.connect(patient.port());
  const n = 30 * 2 ** 20;
  client.head(`POST /upload/bytes?n=${n}`, 'content-length: 0', 'connection: close');
  let seen = 0;
  for (let round = 0; round < 10; round++) {
    client.pause();
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.resume();
    const more = seen + 2 * 2 ** 20;
    await until(() => client.receivedBytes > more || client.ended, 'more of the answer');
    seen = client.receivedBytes;
  }
  const { body } = await client.response();
  assert.equal(body.length, n);
  await patient.free();
});

test('an answer that comes while its connection is being closed ends its stream', async () => {
  const starts = 'http.server.request.start';
  let response: ServerResponse | undefined;
  let close: (() => void) | undefined;
  const onStart = (message: unknown) => {
    const started = message as { socket: Socket; response: ServerResponse };
    const { socket } = started;
    response = started.response;
    const destroy = socket._destroy;
    socket._destroy = (error, done) => {
      close = () => destroy.call(socket, error, done);
    };
    setImmediate(() => socket.destroy());
  };
  // Nothing else ends the stream.
  const endless = await TestServer.start({ limits: { clientStallTimeoutMs: 0 } });
  subscribe(starts, onStart);
  try {
    const client = await RawClient.connect(endless.port());
    client.head('POST /upload/hash', 'content-length: 0');
    await until(() => response?.writableFinished === true, 'the answer');
    close?.();
    await endless.free();
    client.destroy();
  } finally {
    unsubscribe(starts, onStart);
    await endless.stop();
  }
});
