import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode, FrameType } from '../../support/http2/frames.js';
import { RawHttp2 } from '../../support/http2/raw-http2.js';
import { TestServer, type TestServerOptions } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';

async function withServer(
  run: (server: TestServer) => Promise<void>,
  options?: TestServerOptions,
): Promise<void> {
  const server = await TestServer.start(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

const connect = (server: TestServer, tls = false) =>
  RawHttp2.connect(server.port(tls ? 'https' : 'http', 'http2'), { tls });

for (const tls of [false, true]) {
  test(`draining ${tls ? 'h2' : 'h2c'}: GOAWAY, what runs is finished, what is new is not taken`, () =>
    withServer(async (server) => {
      const client = await connect(server, tls);
      const idle = await connect(server, tls);
      client.open(1, '/upload/overlap');
      await client.sees(({ type }) => type === FrameType.data, 'the beginning of the answer');
      const { requestsTotal } = server.server.stats().transports.http2 ?? { requestsTotal: -1 };

      const drained = server.server.drain(new AbortController().signal);
      assert.equal(await client.goaway(), ErrorCode.noError);
      await idle.ending();
      await assert.rejects(connect(server, tls));
      const goaway = client.frames.find(({ type }) => type === FrameType.goaway);
      assert.equal(goaway?.payload.readUInt32BE(0), 1, 'the last stream that is answered');
      client.open(3, '/upload/hash', true);
      client.data(1, 'the rest', true);
      const { body, ended } = await client.answer(1);
      assert.match(body.toString(), /^first\n8 /);
      assert.ok(ended);
      await client.ending();
      client.destroy();
      assert.equal(client.answerSoFar(3).status, 0);
      await within(drained, 'the drain');
      assert.equal(server.server.stats().transports.http2?.requestsTotal, requestsTotal);
    }));
}

test('draining cuts what is left when its time is over', () =>
  withServer(async (server) => {
    const client = await connect(server);
    const reports = server.worker.reports.length;
    client.open(1, '/upload/silent');
    client.data(1, 'x');
    await server.worker.report('reading', reports);
    await within(server.server.drain(AbortSignal.timeout(100)), 'the drain');
    await client.ending();
    assert.equal((await server.worker.report('failed', reports)).abort, 'CLIENT_GONE');
  }));

test('a client that does not close its side does not keep the server from ending', () =>
  withServer(
    async (server) => {
      // Half-open sockets: Node closes its own side when the server has closed its.
      const { connect: dial } = await import('node:net');
      const socket = dial({ port: server.port('http', 'http2'), allowHalfOpen: true });
      socket.resume();
      await until(
        () => server.server.stats().transports.http2?.connections === 1,
        'the connection to be taken',
      );
      await within(server.server.drain(new AbortController().signal), 'the drain');
      socket.destroy();
    },
    { transports: { http2: { lingerMs: 200 } } },
  ));

test('closing a busy server ends it', () =>
  withServer(async (server) => {
    const client = await connect(server, true);
    client.open(1, '/upload/overlap');
    await client.sees(({ type }) => type === FrameType.data, 'the beginning of the answer');
    await within(server.server.close(), 'the close');
    await client.ending();
  }));
