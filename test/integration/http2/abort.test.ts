import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ErrorCode, FrameType, words } from '../../support/http2/frames.js';
import { RawHttp2 } from '../../support/http2/raw-http2.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server?.stop());

const connect = () => RawHttp2.connect(server.port('http', 'http2'));

const cancel = (client: RawHttp2, stream: number, code: number = ErrorCode.cancel) =>
  client.frame(FrameType.rstStream, 0, stream, words(code));

/** Codes of the aborts that the worker has seen since it had so many reports. */
const aborts = (from: number) =>
  server.worker.reports
    .slice(from)
    .filter(({ event }) => event === 'failed')
    .map(({ abort }) => abort);

/** Opens an upload that the worker reads and does not answer. */
async function openSilent(client: RawHttp2, stream: number): Promise<void> {
  const before = server.worker.reports.length;
  client.open(stream, '/upload/silent');
  client.data(stream, 'some');
  await server.worker.report('reading', before);
}

test('RST_STREAM ends the work, and the other streams go on', async () => {
  const client = await connect();
  const from = server.worker.reports.length;
  await openSilent(client, 1);
  client.open(3, '/upload/echo');
  client.data(3, 'before ');
  await client.sees(({ type, stream }) => type === FrameType.data && stream === 3, 'the echo');
  cancel(client, 1);
  assert.equal((await server.worker.report('failed', from)).abort, 'CLIENT_GONE');
  client.data(3, 'after', true);
  assert.equal((await client.answer(3)).body.toString(), 'before after');
  client.destroy();
  await server.free();
});

test('a reset without an error in the middle of a body is no end of it', async () => {
  const client = await connect();
  const from = server.worker.reports.length;
  client.open(1, '/upload/hash');
  client.data(1, 'half of it');
  await server.worker.report('reading', from);
  cancel(client, 1, ErrorCode.noError);
  assert.equal((await server.worker.report('failed', from)).abort, 'CLIENT_GONE');
  client.destroy();
  await server.free();
});

test('a body that is not as long as declared reaches the worker as malformed', async () => {
  const client = await connect();
  const from = server.worker.reports.length;
  client.open(1, '/upload/hash', false, [['content-length', '10']]);
  client.data(1, 'too short');
  await server.worker.report('reading', from);
  client.data(1, '', true);
  assert.equal(await client.reset(1), ErrorCode.protocolError);
  assert.equal((await server.worker.report('failed', from)).abort, 'BAD_REQUEST');
  client.destroy();
  await server.free();
});

test('the end of a connection ends the work of all its streams', async () => {
  const client = await connect();
  const from = server.worker.reports.length;
  for (const stream of [1, 3, 5]) await openSilent(client, stream);
  client.destroy();
  await until(() => aborts(from).length === 3, 'three aborts');
  assert.deepEqual(aborts(from), ['CLIENT_GONE', 'CLIENT_GONE', 'CLIENT_GONE']);
  await server.free();
});

test('a client that resets within an answer stops it', async () => {
  const client = await connect();
  const from = server.worker.reports.length;
  client.open(1, `/upload/bytes?n=${2 ** 30}`, true);
  await client.sees(({ type }) => type === FrameType.data, 'the answer');
  cancel(client, 1);
  assert.equal((await server.worker.report('failed', from)).abort, 'CLIENT_GONE');
  await client.isAlive();
  client.destroy();
  await server.free();
});

test('a client that half-closes its connection is gone', async () => {
  const client = await connect();
  const from = server.worker.reports.length;
  await openSilent(client, 1);
  client.finish();
  assert.equal((await server.worker.report('failed', from)).abort, 'CLIENT_GONE');
  await client.ending();
  await server.free();
});
