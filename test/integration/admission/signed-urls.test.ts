import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type SignUploadUrlOptions, signUploadUrl } from '../../../src/index.js';
import { runProgram, testWith } from '../../support/program.js';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';
import { ask, verdict } from './support.js';

const KEY = { id: 'app', secret: 'a secret of more than 32 characters' };
let server: TestServer;

before(async () => {
  server = await TestServer.start({
    auth: { signedUrls: { keys: [KEY] } },
    limits: { maxStreamsPerSubject: 1 },
  });
});
after(() => server?.stop());

/** Path and query of a signed URL. */
function sign(path: string, more: Partial<SignUploadUrlOptions> = {}): string {
  const { href, origin } = new URL(
    signUploadUrl({
      url: server.url(path),
      keyId: KEY.id,
      secret: KEY.secret,
      expires: new Date(Date.now() + 60_000),
      ...more,
    }),
  );
  return href.slice(origin.length);
}

test('a signed URL lets in what it was signed for, and nothing else', async () => {
  const path = sign('/upload/hash?x=1');
  const refused = '403 INVALID_SIGNATURE';
  assert.equal(await verdict(server, { path }), '200');
  // Until it expires it counts as often as it is used.
  assert.equal(await verdict(server, { path }), '200');
  assert.equal(await verdict(server, { path, method: 'POST' }), refused);
  assert.equal(await verdict(server, { path: path.replace('hash', 'echo') }), refused);
  assert.equal(await verdict(server, { path: path.replace('x=1', 'x=2') }), refused);
  assert.equal(await verdict(server, { path: path.replace('x=1&', '') }), refused);
  assert.equal(await verdict(server, { path: `${path}&ur-max-bytes=9` }), refused);
  assert.equal(await verdict(server, { path: path.replace(/expires=\d/, 'expires=9') }), refused);
  assert.equal(await verdict(server), '401 UNAUTHENTICATED');
});

test('it expires, and says so', async () => {
  const path = sign('/upload/hash', { expires: new Date(Date.now() - 1000) });
  const { status, error, text } = await ask(server, { path });
  assert.deepEqual([status, error], [403, 'INVALID_SIGNATURE']);
  assert.match(text, /it has expired/);
});

test('another key is no key', async () => {
  const secret = 'another secret of more than 32 characters';
  const forged = sign('/upload/hash', { secret });
  assert.equal(await verdict(server, { path: forged }), '403 INVALID_SIGNATURE');
  const unknown = sign('/upload/hash', { keyId: 'unknown' });
  assert.equal(await verdict(server, { path: unknown }), '403 INVALID_SIGNATURE');
});

test('its largest body counts, declared or not', async () => {
  const path = sign('/upload/hash', { maxBytes: 4 });
  assert.equal(await verdict(server, { path, body: '1234' }), '200');
  assert.equal(await verdict(server, { path, body: '12345' }), '413 BODY_TOO_LARGE');
  const client = await RawClient.connect(server.port());
  client.head(`PUT ${path}`, 'transfer-encoding: chunked');
  client.chunk('1234');
  client.chunk('5');
  const { status, body } = await client.response();
  assert.deepEqual([status, JSON.parse(body.toString()).error], [413, 'BODY_TOO_LARGE']);
  client.destroy();
});

test('each URL has streams of its own', async () => {
  const begin = async (path: string) => {
    const client = await RawClient.connect(server.port());
    client.head(`PUT ${path}`, 'transfer-encoding: chunked');
    client.chunk('x');
    return client;
  };
  const finish = async (client: RawClient) => {
    client.send('0\r\n\r\n');
    assert.equal((await client.response()).status, 200);
    client.destroy();
  };
  const one = sign('/upload/overlap?file=1');
  const first = await begin(one);
  await first.sees('first');
  const again = await begin(one);
  assert.equal((await again.response()).status, 429);
  again.destroy();
  const second = await begin(sign('/upload/overlap?file=2'));
  await second.sees('first');
  await Promise.all([finish(first), finish(second)]);
  await server.free();
  await finish(await begin(one));
});

test('workers see the query without the signature', async () => {
  const path = sign('/upload/target?a=1&b=2', { maxBytes: 100 });
  assert.equal((await ask(server, { path })).text, '/upload/target?a=1&b=2');
});

testWith('curl', 'curl -T to a signed URL', async () => {
  const url = server.url(sign('/upload/hash?name=a%20b'));
  const { stdout } = await runProgram('sh', ['-c', `printf body | curl -sT - '${url}'`]);
  assert.equal(JSON.parse(stdout).bytes, 4);
});

test('no signature is logged, quoted or left behind', async () => {
  const path = sign('/upload/hash', { maxBytes: 1 });
  const [signature = ''] = /ur-signature=.*/.exec(path) ?? [];
  const client = await RawClient.connect(server.port());
  client.head(`PUT ${path}`, 'transfer-encoding: chunked');
  client.chunk('too large');
  const { status, body } = await client.response();
  assert.equal(status, 413);
  client.destroy();
  // A target that cannot be decoded is refused before anybody looks at it.
  const broken = await RawClient.connect(server.port());
  broken.head(`PUT ${path.replace('/upload/hash', '/upload/%zz')}`, 'content-length: 0');
  const answer = await broken.response();
  assert.equal(answer.status, 400);
  broken.destroy();
  await server.free();
  const seen = [...server.log, body.toString(), answer.body.toString()].join('\n');
  assert.match(seen, /"subject":"key:app"/);
  assert.ok(!seen.includes(signature) && !seen.includes(KEY.secret));
});
