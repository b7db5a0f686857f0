import assert from 'node:assert/strict';
import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { CallbackAuthenticator } from '../../../src/admission/callback.js';
import { credentialsOf } from '../../../src/admission/credentials.js';
import type { Caller } from '../../../src/admission/index.js';
import type { CallbackConfig } from '../../../src/admission/schemes-config.js';
import { until } from '../../support/until.js';
import { auth, bearer, caller, codeOf } from './support.js';

let server: Server;
let url: string;
let answer: (response: ServerResponse) => void;
const asked: { headers: IncomingHttpHeaders; body: Record<string, string> }[] = [];
const open: CallbackAuthenticator[] = [];

before(async () => {
  server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    asked.push({ headers: request.headers, body: JSON.parse(text) });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`;
});
afterEach(async () => {
  asked.length = 0;
  await Promise.all(open.splice(0).map((one) => one.close()));
});
after(() => {
  server.close();
  server.closeAllConnections();
});

const says = (status: number, headers = {}) => {
  answer = (response) => response.writeHead(status, headers).end('{}');
};

function callback(more: Partial<CallbackConfig> = {}): CallbackAuthenticator {
  const one = new CallbackAuthenticator(
    auth({ callback: { url, ...more } }).callback as CallbackConfig,
  );
  open.push(one);
  return one;
}

const ask = async (one: CallbackAuthenticator, who: Caller) =>
  one.identify('publish', who, credentialsOf(who, 'token'));

test('it is asked everything that there is to know', async () => {
  says(200);
  const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  const who = caller({ authorization, query: 'x=1', id: 'session 1' });
  const found = await ask(callback({ authorization: 'Bearer own' }), who);
  assert.equal(found?.subject, 'user:me');
  assert.ok(found?.allows('publish', who));
  assert.deepEqual(asked[0]?.body, {
    ip: '192.0.2.1',
    user: 'me',
    password: 'secret',
    token: 'secret',
    action: 'publish',
    path: '/upload/a',
    protocol: 'http1',
    id: 'session 1',
    query: 'x=1',
  });
  assert.equal(asked[0]?.headers.authorization, 'Bearer own');
});

test('it hears of paths in one form, and not of those that have none', async () => {
  says(200);
  const one = callback();
  await ask(one, caller({ path: '/upload/%61%2fb' }));
  assert.equal(asked[0]?.body.path, '/upload/a%2Fb');
  const who = caller({ path: '/upload/open/..%2fclosed' });
  assert.equal((await ask(one, who))?.allows('publish', who), false);
  assert.equal(asked.length, 1);
});

test('whom it lets in is counted by token, or by user where that is all there is', async () => {
  says(200);
  const one = callback();
  const accountOf = async (who: Partial<Caller>) => (await ask(one, caller(who)))?.account;
  const token = await accountOf({ query: 'token=x' });
  assert.ok(token);
  assert.equal(await accountOf({ query: 'token=x', user: 'anybody' }), token);
  assert.notEqual(await accountOf({ query: 'token=y' }), token);
  const user = await accountOf({ user: 'me', password: 'x' });
  assert.notEqual(user, token);
  assert.notEqual(await accountOf({ user: 'you', password: 'x' }), user);
  assert.equal(await accountOf({}), undefined);
});

test('401 is no or wrong credentials, another 4xx too few permissions', async () => {
  says(401);
  assert.equal(await ask(callback(), caller()), undefined);
  assert.equal(await codeOf(() => ask(callback(), bearer('x'))), 'INVALID_CREDENTIALS');
  says(403);
  assert.equal((await ask(callback(), bearer('x')))?.allows('publish', caller()), false);
});

test('what is no answer lets nobody in', async () => {
  for (const status of [302, 500, 503]) {
    says(status, status === 302 ? { location: url } : {});
    assert.equal(await codeOf(() => ask(callback(), caller())), 'AUTH_UNAVAILABLE');
  }
  assert.equal(asked.length, 3);
  answer = () => {};
  const slow = callback({ timeoutMs: 50 });
  assert.equal(await codeOf(() => ask(slow, caller())), 'AUTH_UNAVAILABLE');
  answer = (response) => response.destroy();
  assert.equal(await codeOf(() => ask(callback(), caller())), 'AUTH_UNAVAILABLE');
  const down = callback({ url: 'http://127.0.0.1:1/' });
  assert.equal(await codeOf(() => ask(down, caller())), 'AUTH_UNAVAILABLE');
});

test('answers are remembered for as long as the configuration says, failures never', async () => {
  const one = callback({ cacheMs: 600_000 });
  says(500);
  assert.equal(await codeOf(() => ask(one, bearer('x'))), 'AUTH_UNAVAILABLE');
  says(200);
  await ask(one, bearer('x'));
  await ask(one, bearer('x'));
  assert.equal(asked.length, 2);
  await ask(one, bearer('y'));
  await ask(one, { ...bearer('x'), path: '/upload/b' });
  await ask(one, { ...bearer('x'), peer: '192.0.2.2' });
  assert.equal(asked.length, 5);
  const forgetful = callback();
  await ask(forgetful, bearer('x'));
  await ask(forgetful, bearer('x'));
  assert.equal(asked.length, 7);
});

test('only so many questions wait at once', async () => {
  const held: ServerResponse[] = [];
  answer = (response) => held.push(response);
  const one = callback({ maxWaiting: 2 });
  const first = [ask(one, caller()), ask(one, caller())];
  await until(() => held.length === 2, 'two questions');
  assert.equal(await codeOf(() => ask(one, caller())), 'AUTH_UNAVAILABLE');
  for (const response of held) response.end();
  assert.equal((await Promise.all(first)).length, 2);
  says(200);
  assert.ok(await ask(one, caller()));
});
