import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createToken, hashChosenToken } from '../../../src/admission/index.js';
import { runProgram, testWith } from '../../support/program.js';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';
import { ask, bearer, verdict } from './support.js';

const uploader = createToken();
const reader = createToken();
const CHOSEN = 'correct-horse-battery';
let server: TestServer;

before(async () => {
  server = await TestServer.start({
    auth: {
      tokens: [
        {
          name: 'uploader',
          hash: uploader.hash,
          permissions: [
            { action: 'publish', path: '/upload/hash' },
            { action: 'publish', path: '/upload/team/*' },
          ],
        },
        { name: 'reader', hash: reader.hash, permissions: [{ action: 'read' }] },
        { name: 'person', hash: await hashChosenToken(CHOSEN), maxBodyBytes: 5 },
      ],
    },
  });
});
after(() => server?.stop());

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

test('the right token lets in, however it is sent', async () => {
  const { token } = uploader;
  assert.equal(await verdict(server, { headers: bearer(token) }), '200');
  assert.equal(await verdict(server, { headers: basic('anybody', token) }), '200');
  assert.equal(await verdict(server, { path: `/upload/hash?token=${token}` }), '200');
  assert.equal(await verdict(server, { headers: bearer(token), scheme: 'https' }), '200');
});

test('without, and with a wrong one, it says so', async () => {
  const without = await ask(server);
  assert.deepEqual([without.status, without.error], [401, 'UNAUTHENTICATED']);
  assert.equal(without.headers['www-authenticate'], 'Bearer realm="upload-response"');
  const wrong = await ask(server, { headers: bearer(`${uploader.token}x`) });
  assert.deepEqual([wrong.status, wrong.error], [401, 'INVALID_CREDENTIALS']);
  assert.match(String(wrong.headers['www-authenticate']), /error="invalid_token"/);
  for (const headers of [basic('uploader', 'x'), { authorization: uploader.token }]) {
    assert.equal(await verdict(server, { headers }), '401 INVALID_CREDENTIALS');
  }
  assert.equal(await verdict(server, { path: '/upload/hash?token=x' }), '401 INVALID_CREDENTIALS');
});

test('another path, and another action, are forbidden', async () => {
  const headers = bearer(uploader.token);
  const elsewhere = await ask(server, { path: '/upload/echo', headers });
  assert.deepEqual([elsewhere.status, elsewhere.error], [403, 'FORBIDDEN']);
  assert.match(String(elsewhere.headers['www-authenticate']), /error="insufficient_scope"/);
  assert.equal(await verdict(server, { headers: bearer(reader.token) }), '403 FORBIDDEN');
});

test('no way of writing a path leads out of what is permitted', async () => {
  const ways = [
    '/upload/team/../echo',
    '/upload/team/..%2fecho',
    '/upload/team/%2e%2e/echo',
    '/upload/team/%2E./echo',
    '/upload/team/..%5Cecho',
    '/upload/team/..;/echo',
    '/upload/team/x/../../echo',
    '/upload/%74eam/../echo',
    '/upload/team%2fecho',
    '/upload//team/echo',
  ];
  for (const way of ways) {
    const client = await RawClient.connect(server.port());
    client.head(`PUT ${way}`, `authorization: Bearer ${uploader.token}`, 'content-length: 0');
    const { status, body } = await client.response();
    assert.deepEqual([way, status, JSON.parse(body.toString()).error], [way, 403, 'FORBIDDEN']);
    client.destroy();
  }
  const encoded = '/upload/%74eam/hash';
  assert.equal(await verdict(server, { path: encoded, headers: bearer(uploader.token) }), '200');
});

test('two Authorization fields are refused', async () => {
  const client = await RawClient.connect(server.port());
  const fields = [uploader.token, reader.token].map((one) => `authorization: Bearer ${one}`);
  client.head('PUT /upload/hash', ...fields, 'content-length: 0');
  assert.equal((await client.response()).status, 400);
  client.destroy();
});

test('a token that somebody chose is known, and has limits of its own', async () => {
  const headers = bearer(CHOSEN);
  assert.equal(await verdict(server, { headers, body: '12345' }), '200');
  assert.equal(await verdict(server, { headers, body: '123456' }), '413 BODY_TOO_LARGE');
  assert.equal(await verdict(server, { headers: bearer(`${CHOSEN}r`) }), '401 INVALID_CREDENTIALS');
  assert.equal(
    await verdict(server, { headers: basic('somebody', `${CHOSEN}r`) }),
    '401 INVALID_CREDENTIALS',
  );
});

test('workers do not see it', async () => {
  const headers = { ...bearer(CHOSEN), 'x-other': 'seen' };
  const fields = new Map(JSON.parse((await ask(server, { path: '/upload/head', headers })).text));
  assert.deepEqual([fields.get('authorization'), fields.get('x-other')], [undefined, 'seen']);
  const path = `/upload/target?a=1&token=${CHOSEN}&b=2`;
  assert.equal((await ask(server, { path })).text, '/upload/target?a=1&b=2');
});

test('a refused upload is not read, and the connection can be used again', async () => {
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', 'content-length: 4', 'expect: 100-continue');
  const refused = await client.response();
  assert.equal(refused.status, 401);
  client.destroy();
  const other = await RawClient.connect(server.port());
  other.head('PUT /upload/hash', 'content-length: 0');
  assert.equal((await other.response()).status, 401);
  other.head('PUT /upload/hash', `authorization: Bearer ${uploader.token}`, 'content-length: 0');
  assert.equal((await other.response()).status, 200);
  other.destroy();
});

testWith('curl', 'curl with a token, and with one as password', async () => {
  const url = server.url('/upload/hash');
  const write = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-X', 'PUT', '-d', 'body'];
  const right = await runProgram('curl', [...write, '--oauth2-bearer', uploader.token, url]);
  assert.equal(right.stdout, '200');
  const user = await runProgram('curl', [...write, '-u', `uploader:${uploader.token}`, url]);
  assert.equal(user.stdout, '200');
  assert.equal((await runProgram('curl', [...write, url])).stdout, '401');
});

test('nothing of a token is logged or left behind', async () => {
  const client = await RawClient.connect(server.port());
  client.head('PUT /upload/hash', `authorization: Bearer ${CHOSEN}`, 'transfer-encoding: chunked');
  client.chunk('123456');
  assert.equal((await client.response()).status, 413);
  client.destroy();
  await server.free();
  const log = server.log.join('\n');
  for (const secret of [uploader.token, reader.token, CHOSEN]) assert.ok(!log.includes(secret));
  assert.match(log, /"subject":"person"/);
});
