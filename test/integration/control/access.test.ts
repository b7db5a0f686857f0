import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { ControlClient } from '../../support/control-client.js';
import { RawClient } from '../../support/raw-client.js';
import { within } from '../../support/until.js';
import { Remote, setUp, upload } from './remote.js';

const bounded = { timeout: 240_000 };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('with authentication the API has a permission of its own', bounded, async (t) => {
  const tokens = {
    publisher: { ...createToken(), permissions: [{ action: 'publish' as const }] },
    one: { ...createToken(), permissions: [{ action: 'api' as const }] },
    worker: { ...createToken(), permissions: [{ action: 'read' as const }] },
    two: { ...createToken(), permissions: [{ action: 'api' as const }] },
    monitor: {
      ...createToken(),
      permissions: [
        { action: 'api' as const, path: '/_upload_response/capacity' },
        { action: 'api' as const, path: '/_upload_response/openapi.json' },
      ],
    },
  };
  const { server } = await setUp(t, {
    auth: {
      anonymous: ['publish'],
      tokens: Object.entries(tokens).map(([name, { hash, permissions }]) => {
        return { name, hash, permissions };
      }),
    },
  });
  const as = (name: keyof typeof tokens) =>
    new ControlClient(server.url(''), bearer(tokens[name].token));
  const raw = (headers: Record<string, string>, path = 'streams') =>
    fetch(server.url(`/_upload_response/${path}`), { headers });
  const nobody = await raw({});
  assert.equal(nobody.status, 401);
  assert.match(nobody.headers.get('www-authenticate') ?? '', /^Bearer/);
  assert.equal(((await nobody.json()) as { error: string }).error, 'UNAUTHENTICATED');
  assert.equal((await raw(bearer('wrong'))).status, 401);
  assert.equal((await raw(bearer(tokens.publisher.token))).status, 403);
  assert.equal((await raw({}, `streams?token=${tokens.one.token}`)).status, 200);
  await as('one').ok('GET', '/streams');
  await as('monitor').ok('GET', '/capacity');
  await as('monitor').fails('GET', '/streams', 403, 'FORBIDDEN');
  // A worker is whose who has registered it.
  const remote = await Remote.register(as('one'), 'w');
  const two = as('two');
  await two.fails('PUT', '/workers/w/heartbeat', 403, 'FORBIDDEN');
  await two.fails('POST', '/workers/w/take', 403, 'FORBIDDEN');
  await two.fails('DELETE', '/workers/w', 403, 'FORBIDDEN');
  const uploading = upload(server, '', 'x');
  const stream = await remote.next();
  const token = await remote.claim(stream);
  await two.fails('PUT', `/streams/${stream}/response/headers`, 403, 'FORBIDDEN', {
    json: { status: 200 },
    headers: { 'x-upload-response-claim': token },
  });
  await remote.answer(stream, token, 'one');
  assert.equal(await (await uploading).text(), 'one');
  // The permission of workers is enough for all that a worker does, and for nothing else.
  const worker = as('worker');
  const third = await Remote.register(worker, 'third');
  const again = upload(server, '', 'x');
  const taken = (await worker.post('/workers/third/take?wait=20000')).json;
  assert.equal((await third.hash(taken.stream)).size, 1);
  await third.answer(taken.stream, taken.token, 'three');
  assert.equal(await (await again).text(), 'three');
  await worker.fails('GET', '/workers', 403, 'FORBIDDEN');
  await worker.fails('GET', '/capacity', 403, 'FORBIDDEN');
  await worker.ok('DELETE', '/workers/third');
  const secrets = [...Object.values(tokens).map((one) => one.token), token];
  for (const line of server.log) {
    for (const secret of secrets) assert.ok(!line.includes(secret), 'a secret in the log');
  }
});

test('who is not let in is told before its body is read', bounded, async (t) => {
  const { server } = await setUp(t, {
    auth: { tokens: [{ name: 'a', hash: createToken().hash }] },
  });
  const client = await RawClient.connect(server.port());
  const path = '/_upload_response/streams/65536/response/body';
  client.head(`PUT ${path}`, 'content-length: 1000000', 'expect: 100-continue');
  const { status, headers } = await client.response();
  assert.deepEqual([status, headers.get('connection')], [401, 'close']);
  client.destroy();
});

test('without authentication only loopback names are answered', bounded, async (t) => {
  const { server } = await setUp(t);
  const statusFor = async (host: string) => {
    const client = await RawClient.connect(server.port());
    client.send(`GET /_upload_response/capacity HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    const { status } = await client.response();
    client.destroy();
    return status;
  };
  for (const host of ['127.0.0.1:80', 'localhost', '[::1]:8080', '127.0.0.1']) {
    assert.equal(await statusFor(host), 200, host);
  }
  for (const host of ['attacker.example', '127.0.0.1.attacker.example:80', '10.0.0.1']) {
    assert.equal(await statusFor(host), 403, host);
  }
});

test('without authentication only processes of the same user are let in', bounded, async (t) => {
  if (process.geteuid?.() !== 0) return t.skip('only root can be somebody else');
  const { server, api } = await setUp(t);
  const asUser = (uid: number) =>
    new Promise<string>((resolve, reject) => {
      const script = `
import http.client
c = http.client.HTTPConnection('127.0.0.1', ${server.port()})
c.request('GET', '/_upload_response/capacity')
r = c.getresponse()
print(r.status, r.read().decode())`;
      execFile('python3', ['-c', script], { uid, cwd: '/' }, (error, stdout, stderr) =>
        error ? reject(new Error(stderr)) : resolve(stdout),
      );
    });
  assert.match(await asUser(0), /^200 /);
  assert.match(await asUser(65_534), /^403 .*FORBIDDEN/);
  // The first request of a connection decides for all of them, and uploads are not concerned.
  await api.ok('GET', '/capacity');
  await server.addWorker();
  assert.equal((await within(upload(server, '/hash', 'x'), 'an answer')).status, 200);
});

test('it can be turned off', bounded, async (t) => {
  const { server } = await setUp(t, { control: { enabled: false } });
  const answer = await fetch(server.url('/_upload_response/streams'));
  assert.equal(answer.status, 404);
  assert.equal(((await answer.json()) as { error: string }).error, 'UNKNOWN_PATH');
});

test(
  'where uploads are taken at every path, its own paths are none of theirs',
  bounded,
  async (t) => {
    const { server, api } = await setUp(t, { workers: 1, http: { port: 0, prefix: '/' } });
    await api.ok('GET', '/capacity');
    for (const path of [
      '/_upload_response/',
      '/_upload_response/nothing',
      '/_upload_response/streams',
    ]) {
      const answer = await fetch(server.url(path), { method: 'PATCH', body: 'x' });
      assert.equal(answer.status, 404, path);
    }
    assert.equal((await fetch(server.url('/hash'), { method: 'PUT', body: 'x' })).status, 200);
  },
);
