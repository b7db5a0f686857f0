import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { TestServer } from '../../support/test-server.js';
import { until, within } from '../../support/until.js';
import { HTTP3, Http3Client } from './support.js';

const TIMEOUT = { timeout: 240_000 };

async function overHttp1(url: string): Promise<IncomingHttpHeaders> {
  const request = httpsRequest(url, { rejectUnauthorized: false, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.headers;
}

async function overHttp2(url: string, path: string): Promise<IncomingHttpHeaders> {
  const session = connect(url, { rejectUnauthorized: false });
  const request = session.request({ ':path': path });
  const [headers] = (await once(request, 'response')) as [IncomingHttpHeaders];
  request.resume();
  await once(request, 'end');
  session.close();
  return headers;
}

describe('requests over HTTP/3', () => {
  let server: TestServer;
  let client: Http3Client;
  before(async () => {
    server = await TestServer.start({ transports: HTTP3 });
    client = new Http3Client(server);
  });
  after(async () => {
    client?.process.kill();
    await server?.stop();
  });

  test('a body without a length is refused, a request without a body is not', TIMEOUT, async () => {
    const request = client.open('/upload/hash');
    await request.write(Buffer.from('how long will it be?'));
    const refused = await client.response(request);
    assert.equal(refused.status, 411);
    assert.equal(JSON.parse(refused.body).error, 'LENGTH_REQUIRED');
    const get = client.open('/upload/hash', { ':method': 'GET' });
    get.end();
    const answer = await client.response(get);
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.body).bytes, 0);
  });

  test('a body shorter than its length is a client that has left', TIMEOUT, async () => {
    const from = server.worker.reports.length;
    const request = client.open('/upload/silent', { 'content-length': '1000' });
    await request.write(new Uint8Array(999));
    await server.worker.report('reading', from);
    request.end();
    const { abort } = await server.worker.report('failed', from);
    assert.equal(abort, 'CLIENT_GONE');
    await assert.rejects(within(request.first('response'), 'the reset'));
    request.close();
    await server.free();
  });

  test('a body longer than its length is malformed', TIMEOUT, async () => {
    const request = client.open('/upload/hash', { 'content-length': '10' });
    await request.write(new Uint8Array(11));
    const { status, body } = await client.response(request);
    assert.equal(status, 400);
    assert.match(JSON.parse(body).message, /longer/);
  });

  test('malformed heads are answered 400, each with what is wrong', TIMEOUT, async () => {
    const cases: readonly (readonly [Record<string, string | string[]>, RegExp])[] = [
      [{ 'transfer-encoding': 'chunked' }, /transfer-encoding/],
      [{ connection: 'close' }, /connection/],
      [{ te: 'gzip' }, /te is not/],
      [{ 'content-length': '1, 2' }, /Content-Length/],
      [{ 'content-length': ['1', '2'] }, /Content-Length/],
      [{ host: 'elsewhere' }, /Host/],
      [{ ':path': 'upload' }, /:path/],
      [{ ':path': '/upload/%zz' }, /encoded/],
      [{ ':method': 'CONNECT' }, /CONNECT/],
      [{ 'x-control': 'a\u0001b' }, /x-control/],
    ];
    for (const [fields, message] of cases) {
      const request = client.open('/upload/hash', fields);
      request.end();
      const { status, body } = await client.response(request);
      assert.equal(status, 400, JSON.stringify(fields));
      assert.equal(JSON.parse(body).error, 'BAD_REQUEST');
      assert.match(JSON.parse(body).message, message);
    }
  });

  test('other paths, and heads that are too large, have their own answers', TIMEOUT, async () => {
    assert.equal((await client.post('/elsewhere')).status, 404);
    assert.equal((await client.post('/uploads')).status, 404);
    const { status, body } = await client.post('/upload/hash', '', {
      'x-large': 'x'.repeat(20_000),
    });
    assert.equal(status, 431);
    assert.equal(JSON.parse(body).error, 'HEAD_TOO_LARGE');
  });

  test('workers see the head as it was sent, a cookie as one field', TIMEOUT, async () => {
    const { body } = await client.post('/upload/head?a=b', 'x', {
      cookie: ['a=1', 'b=2'],
      'x-umlaut': 'grün',
      expect: '100-continue',
      te: 'trailers',
    });
    const fields = new Map(JSON.parse(body) as [string, string][]);
    assert.equal(fields.get('cookie'), 'a=1; b=2');
    assert.equal(fields.get('x-umlaut'), Buffer.from('grün', 'utf8').toString('latin1'));
    assert.deepEqual([fields.has('expect'), fields.has('te')], [false, false]);
  });

  test('a HEAD request has its answer without a body', TIMEOUT, async () => {
    const answer = await client.post('/upload/status?code=200&body=text', '', {
      ':method': 'HEAD',
    });
    assert.deepEqual([answer.status, answer.body], [200, '']);
    assert.ok(answer.headers.date);
  });

  test('responses over TLS say where HTTP/3 is, plain ones do not', TIMEOUT, async () => {
    const expected = `h3=":${client.port}"; ma=3600`;
    for (const path of ['/upload/early', '/elsewhere']) {
      assert.equal((await overHttp1(server.url(path, 'https')))['alt-svc'], expected);
      assert.equal((await overHttp2(server.url('', 'https'), path))['alt-svc'], expected);
      const plain = await fetch(server.url(path));
      await plain.text();
      assert.equal(plain.headers.get('alt-svc'), null);
    }
  });

  test('counts connections and requests', TIMEOUT, async () => {
    const before = server.server.stats().transports.http3;
    await client.post('/upload/hash', 'counted');
    await until(() => server.server.stats().transports.http3?.connections === 0, 'no connection');
    const { connectionsTotal = 0, requestsTotal = 0 } =
      server.server.stats().transports.http3 ?? {};
    assert.equal(connectionsTotal, (before?.connectionsTotal ?? 0) + 1);
    assert.equal(requestsTotal, (before?.requestsTotal ?? 0) + 1);
  });
});

describe('who may connect', () => {
  test('without authentication nobody of another machine', TIMEOUT, async (context) => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    if (!address) return context.skip('this machine has no other address');
    const http3 = { ...HTTP3.http3, host: '0.0.0.0' };
    const server = await TestServer.start({ transports: { http3 } });
    const client = new Http3Client(server);
    try {
      const fields = {
        ':method': 'GET',
        ':scheme': 'https',
        ':authority': 'a',
        ':path': '/upload',
      };
      const request = client.process.request({ port: client.port, host: address, fields });
      await assert.rejects(within(request.first('response'), 'the end of the connection'));
      const refused = () => server.server.stats().transports.http3?.refusedTotal.LOOPBACK_ONLY;
      await until(() => (refused() ?? 0) > 0, 'the refusal to be counted');
      assert.equal((await client.post('/upload/hash', 'from here')).status, 200);
    } finally {
      client.process.kill();
      await server.stop();
    }
  });

  test('with authentication whoever shows a token', TIMEOUT, async () => {
    const { createToken } = await import('../../../src/admission/index.js');
    const { token, hash } = createToken();
    const permissions = [{ action: 'publish' as const, path: '/upload/*' }];
    const server = await TestServer.start({
      transports: HTTP3,
      auth: { tokens: [{ name: 'uploader', hash, permissions }] },
    });
    const client = new Http3Client(server);
    try {
      const refused = await client.post('/upload/hash', 'x');
      assert.equal(refused.status, 401);
      assert.match(String(refused.headers['www-authenticate']), /^Bearer/);
      const authorization = `Bearer ${token}`;
      const answer = await client.post('/upload/head', 'x', { authorization });
      assert.equal(answer.status, 200);
      assert.ok(!answer.body.includes('authorization'));
    } finally {
      client.process.kill();
      await server.stop();
    }
  });

  test('no more connections of one peer than there may be', TIMEOUT, async () => {
    const server = await TestServer.start({
      transports: HTTP3,
      limits: { maxConnectionsPerPeer: 2 },
    });
    const client = new Http3Client(server);
    try {
      const held = [client.open('/upload/echo'), client.open('/upload/echo')];
      await until(() => server.server.stats().transports.http3?.connections === 2, 'two');
      const third = client.open('/upload/echo');
      await assert.rejects(within(third.first('response'), 'the end of the connection'));
      assert.ok(server.server.stats().transports.http3?.refusedTotal.TOO_MANY_CONNECTIONS);
      for (const request of held) request.close();
      await until(() => server.server.stats().transports.http3?.connections === 0, 'none');
      assert.equal((await client.post('/upload/hash', 'again')).status, 200);
    } finally {
      client.process.kill();
      await server.stop();
    }
  });
});

test('a connection without requests is ended after its time', TIMEOUT, async () => {
  const server = await TestServer.start({
    transports: HTTP3,
    http: { port: 0, keepAliveTimeoutMs: 2500, headTimeoutMs: 2500 },
  });
  const client = new Http3Client(server);
  try {
    const request = client.open('/upload/hash', { 'content-length': '0' });
    request.end();
    await within(request.first('end'), 'the answer');
    const isClosed = () => request.reports.some(({ event }) => event === 'closed');
    await until(isClosed, 'the connection to end');
    const running = client.open('/upload/echo', { 'content-length': '4' });
    await within(running.first('response'), 'a head');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await running.write(Buffer.from('late'));
    running.end();
    assert.equal((await client.response(running)).body, 'late');
  } finally {
    client.process.kill();
    await server.stop();
  }
});
