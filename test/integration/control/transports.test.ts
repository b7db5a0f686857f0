import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { until, within } from '../../support/until.js';
import { expectNothingLeft, noise, Remote, setUp, sha256, upload } from './remote.js';

const bounded = { timeout: 240_000 };

interface H2Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it needs.
  readonly json: any;
}

/** A client that keeps to one connection of HTTP/2. */
function h2(t: TestContext, url: string) {
  const session = connect(url, { rejectUnauthorized: false });
  t.after(() => session.destroy());
  return async (method: string, path: string, body?: string | Uint8Array, more = {}) => {
    const json = typeof body === 'string' && body.startsWith('{');
    const stream = session.request({
      ':method': method,
      ':path': `/_upload_response${path}`,
      ...(json && { 'content-type': 'application/json' }),
      ...more,
    });
    stream.end(body);
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const isJson = String(headers['content-type']).startsWith('application/json');
    const answer: H2Answer = {
      status: Number(headers[constants.HTTP2_HEADER_STATUS]),
      headers,
      bytes,
      json: isJson ? JSON.parse(bytes.toString()) : undefined,
    };
    return answer;
  };
}

for (const [name, scheme] of [
  ['over TLS', 'https'],
  ['without TLS', 'h2c'],
] as const) {
  test(`the whole job over one connection of HTTP/2 ${name}`, bounded, async (t) => {
    const { server, api } = await setUp(t);
    const address = server.server.addresses.find(
      (one) => one.transport === 'http2' && (one.scheme === 'https') === (scheme === 'https'),
    );
    const call = h2(t, `${address?.scheme}://127.0.0.1:${address?.port}`);
    assert.equal((await call('PUT', '/workers/w/heartbeat', '{"capacity":1}')).status, 200);
    const taking = call('POST', '/workers/w/take?wait=20000');
    // Others of its requests go beside the one that waits.
    assert.equal((await call('GET', '/workers/w')).json.id, 'w');
    const body = noise(5_000_000);
    const uploading = upload(server, '', body.bytes);
    const { stream, token } = (await within(taking, 'a stream')).json;
    const parts: Buffer[] = [];
    for (let slot = 1, type = ''; type !== 'end'; slot++) {
      const path = `/streams/${stream}/request/slots/${slot}?worker=w&wait=20000`;
      const { status, headers, bytes } = await call('GET', path);
      assert.equal(status, 200);
      type = String(headers['x-upload-response-slot-type']);
      if (type === 'body') parts.push(bytes);
    }
    const received = Buffer.concat(parts);
    assert.equal(sha256(received), body.sha256);
    const claim = { 'x-upload-response-claim': token };
    const path = `/streams/${stream}/response`;
    assert.equal((await call('PUT', `${path}/body`, 'x', claim)).json.error, 'ANSWER_OUT_OF_ORDER');
    await call('PUT', `${path}/headers`, '{"status":200}', claim);
    const echo = call('PUT', `${path}/body`, received, claim);
    const answer = await (await within(uploading, 'the answer')).body?.getReader();
    assert.ok(answer);
    const echoed: Uint8Array[] = [];
    const reading = (async () => {
      for (;;) {
        const { done, value } = await answer.read();
        if (done) return;
        echoed.push(value);
      }
    })();
    assert.deepEqual((await within(echo, 'the echo')).json, { written: received.length });
    assert.equal((await call('PUT', `${path}/end`, undefined, claim)).status, 200);
    await reading;
    assert.equal(sha256(Buffer.concat(echoed)), body.sha256);
    assert.equal((await call('GET', `/streams/${stream}`)).status, 410);
    assert.equal((await call('GET', '/nothing')).status, 404);
    assert.equal((await call('DELETE', '/workers/w')).status, 204);
    await expectNothingLeft(server, api);
  });
}

test('a client of HTTP/2 that resets its request has not taken a stream', bounded, async (t) => {
  const { server, api } = await setUp(t);
  await Remote.register(api, 'w');
  const other = await Remote.register(api, 'other');
  const address = server.server.addresses.find(({ transport }) => transport === 'http2');
  const session = connect(`${address?.scheme}://127.0.0.1:${address?.port}`, {
    rejectUnauthorized: false,
  });
  t.after(() => session.destroy());
  const path = '/_upload_response/workers/w/take?wait=30000';
  const stream = session.request({ ':method': 'POST', ':path': path });
  stream.on('error', () => undefined);
  const rows = async () => (await api.ok('GET', '/workers')).workers.length;
  await until(async () => (await rows()) === 3, 'both workers');
  await new Promise((resolve) => session.ping(resolve));
  stream.close(constants.NGHTTP2_CANCEL);
  await once(stream, 'close');
  await new Promise((resolve) => session.ping(resolve));
  const uploading = upload(server, '', 'x');
  const taken = (await api.post('/workers/other/take?wait=20000')).json;
  await other.answer(taken.stream, taken.token, 'other');
  assert.equal(await (await uploading).text(), 'other');
});
