import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { RawClient } from '../../support/raw-client.js';
import { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { ask, bearer, Helper, verdict } from './support.js';

let helper: Helper;
let server: TestServer;

/** Knows one token, and lets it upload below one path. */
const judge: Helper['answer'] = (response) => {
  const { token, path, action } = JSON.parse(helper.seen.at(-1) ?? '{}');
  const known = token === 'good';
  const allowed = known && action === 'publish' && path.startsWith('/upload/hash');
  response.writeHead(allowed ? 204 : known ? 403 : 401).end();
};

before(async () => {
  helper = await Helper.start();
  server = await TestServer.start({
    auth: { callback: { url: helper.url, timeoutMs: 60_000, maxWaiting: 2 } },
  });
});
afterEach(() => {
  helper.seen.length = 0;
  helper.answer = judge;
});
after(async () => {
  await server?.stop();
  await helper?.stop();
});

test('it decides: allowed, unknown, forbidden', async () => {
  helper.answer = judge;
  assert.equal(await verdict(server, { headers: bearer('good') }), '200');
  assert.equal(await verdict(server, { headers: bearer('bad') }), '401 INVALID_CREDENTIALS');
  assert.equal(await verdict(server), '401 UNAUTHENTICATED');
  const path = '/upload/echo';
  assert.equal(await verdict(server, { path, headers: bearer('good') }), '403 FORBIDDEN');
});

test('it is asked everything there is to know, and not of paths that have no one form', async () => {
  const path = '/%75pload/hash?x=1';
  assert.equal(await verdict(server, { path, headers: bearer('good') }), '200');
  assert.deepEqual(JSON.parse(helper.seen[0] ?? ''), {
    ip: '127.0.0.1',
    user: '',
    password: '',
    token: 'good',
    action: 'publish',
    path: '/upload/hash',
    protocol: 'http1',
    id: '',
    query: 'x=1',
  });
  const out = await RawClient.connect(server.port());
  out.head('PUT /upload/hash/..%2fecho', 'authorization: Bearer good', 'content-length: 0');
  assert.equal((await out.response()).status, 403);
  out.destroy();
  assert.equal(helper.seen.length, 1);
});

async function letsNobodyIn(asking: TestServer): Promise<void> {
  const refused = await ask(asking, { headers: bearer('good') });
  assert.deepEqual([refused.status, refused.error], [503, 'AUTH_UNAVAILABLE']);
  assert.equal(refused.headers['retry-after'], '1');
}

test('failing and redirecting answers let nobody in', async () => {
  const broken: Helper['answer'][] = [
    (response) => response.destroy(),
    (response) => response.writeHead(500).end(),
    (response) => response.writeHead(302, { location: helper.url }).end(),
  ];
  for (const answer of broken) {
    helper.answer = answer;
    await letsNobodyIn(server);
  }
  assert.equal(helper.seen.length, broken.length);
});

test('an answer that is too slow lets nobody in', async () => {
  helper.answer = () => {};
  const hasty = await TestServer.start({
    auth: { callback: { url: helper.url, timeoutMs: 200 } },
  });
  try {
    await letsNobodyIn(hasty);
  } finally {
    await hasty.stop();
  }
});

test('only so many questions wait; whoever leaves meanwhile leaves nothing behind', async () => {
  const held: ServerResponse[] = [];
  helper.answer = (response) => held.push(response);
  const waiting = await Promise.all([1, 2].map(() => RawClient.connect(server.port())));
  for (const client of waiting) {
    client.head('PUT /upload/hash', 'authorization: Bearer good', 'content-length: 4');
  }
  await until(() => held.length === 2, 'two questions');
  assert.equal(await verdict(server, { headers: bearer('good') }), '503 AUTH_UNAVAILABLE');
  const [first, second] = waiting as [RawClient, RawClient];
  const { openedTotal: before } = server.server.ingress.stats().transports.http1 ?? {};
  first.destroy();
  const connections = () => server.server.stats().transports.http1?.connections;
  await until(() => connections() === 1, 'the first one to be gone');
  for (const response of held) response.writeHead(204).end();
  second.send('body');
  assert.equal((await second.response()).status, 200);
  second.destroy();
  await server.free();
  const { failedTotal, openedTotal } = server.server.ingress.stats().transports.http1 ?? {};
  assert.deepEqual([failedTotal, openedTotal], [{}, (before ?? 0) + 1]);
});

test('answers are remembered when the configuration says so', async () => {
  helper.answer = judge;
  const auth = { callback: { url: helper.url, timeoutMs: 60_000, cacheMs: 600_000 } };
  const other = await TestServer.start({ auth });
  try {
    for (let i = 0; i < 3; i++) {
      assert.equal(await verdict(other, { headers: bearer('good') }), '200');
    }
    assert.equal(helper.seen.length, 1);
  } finally {
    await other.stop();
  }
});

test('when nobody is there to be asked, nobody is let in', async () => {
  const gone = await Helper.start();
  const { url } = gone;
  await gone.stop();
  const other = await TestServer.start({ auth: { callback: { url } } });
  try {
    assert.equal(await verdict(other, { headers: bearer('good') }), '503 AUTH_UNAVAILABLE');
    await other.free();
  } finally {
    await other.stop();
  }
});
