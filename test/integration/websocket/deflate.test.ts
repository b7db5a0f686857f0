import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { sha256 } from '../../conformance/tools.js';
import { Opcode, RawWebSocket } from '../../support/raw-websocket.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { TestSocket } from '../../support/websocket.js';

const DEFLATE = { perMessageDeflate: true };
const OFFER = { headers: ['sec-websocket-extensions: permessage-deflate'] };

let server: TestServer;
before(async () => {
  server = await TestServer.start({
    transports: { websocket: { deflate: true, maxMessageBytes: 2 ** 20 } },
  });
});
afterEach(() => server.free());
after(() => server?.stop());

test('by default an offer of permessage-deflate is not taken up', async () => {
  const plain = await TestServer.start();
  try {
    const client = await TestSocket.open(plain, '/upload/echo', DEFLATE);
    assert.equal(client.socket.extensions, '');
    client.send(Buffer.from('plain'));
    client.send();
    assert.equal((await client.body()).toString(), 'plain');
  } finally {
    await plain.stop();
  }
});

test('messages are inflated for the worker, and deflated for the client', async () => {
  const client = await TestSocket.open(server, '/upload/echo', DEFLATE);
  assert.match(client.socket.extensions, /permessage-deflate/);
  const text = Buffer.from('again and again '.repeat(50_000));
  client.send(text);
  client.send();
  const body = await client.body();
  assert.equal(sha256(body), sha256(text));
  assert.equal((await client.close()).code, 1000);
});

test('answers are smaller on the wire, but for messages that are not worth it', async () => {
  const long = await RawWebSocket.open(server.port(), '/upload/bytes?n=4000000', OFFER);
  long.send(Opcode.binary);
  const { body, code } = await long.rest();
  assert.equal(code, 1000);
  assert.ok(body.length < 100_000, `${body.length} bytes for 4 MB`);
  long.destroy();
  const short = await RawWebSocket.open(server.port(), '/upload/early', OFFER);
  assert.equal((await short.rest()).body.toString(), 'early');
  short.destroy();
});

test('a small message that inflates to a large one is refused when it passes the limit', async () => {
  const reports = server.worker.reports.length;
  const client = await RawWebSocket.open(server.port(), '/upload/silent', OFFER);
  client.send(Opcode.binary, 'small');
  await server.worker.report('reading', reports);
  const bomb = deflateRawSync(Buffer.alloc(128 * 2 ** 20));
  assert.ok(bomb.length < 2 ** 20);
  const { arrayBuffers } = process.memoryUsage();
  client.send(Opcode.binary, bomb, { reserved: 0x40 });
  const { code, reason } = await client.rest();
  assert.equal(code, 1009);
  assert.match(reason, /^413 MESSAGE_TOO_LARGE: /);
  assert.ok(process.memoryUsage().arrayBuffers < arrayBuffers + 64 * 2 ** 20);
  assert.equal((await server.worker.report('failed', reports)).abort, 'MESSAGE_TOO_LARGE');
  client.destroy();
});

test('what is no deflated data is a bad frame', async () => {
  const client = await RawWebSocket.open(server.port(), '/upload/silent', OFFER);
  client.send(Opcode.binary, 'this is not deflated', { reserved: 0x40 });
  const { code, reason } = await client.rest();
  assert.equal(code, 1007);
  assert.match(reason, /^400 BAD_FRAME: /);
  client.destroy();
});

test('an offer that cannot be understood is answered 400, and its stream is given back', async () => {
  const headers = ['sec-websocket-extensions: permessage-deflate; server_max_window_bits=99'];
  await assert.rejects(
    RawWebSocket.open(server.port(), '/upload/hash', { headers }),
    /400 .*BAD_HANDSHAKE/,
  );
  await server.free();
});

test('a worker that dies while its answer is deflated: the client is told, and nothing breaks', async () => {
  const client = await TestSocket.open(server, `/upload/bytes?n=${2 ** 28}`, DEFLATE);
  client.send();
  await until(() => client.messages.length > 3, 'the answer to begin');
  await server.worker.kill();
  assert.notEqual((await client.close()).code, 1000);
  await server.keepWorkers(1);
  const next = await TestSocket.open(server, '/upload/early', DEFLATE);
  assert.equal((await next.body()).toString(), 'early');
});
