import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { createToken } from '../../../src/admission/index.js';
import { PATIENT } from '../../support/patience.js';
import type { TestServer } from '../../support/test-server.js';
import { until } from '../../support/until.js';
import { answerOf, connect, statsOf, withServer } from './support.js';

const TIMEOUT = { timeout: 60_000 };
const good = createToken();
const small = createToken();
const AUTH = {
  auth: {
    tokens: [
      { name: 'good', hash: good.hash },
      { name: 'small', hash: small.hash, maxBodyBytes: 4 },
      { name: 'elsewhere', hash: createToken().hash },
    ],
  },
};
const LINE = { tokenLine: 'always' } as const;

/** The first words of what a connection is answered that sends `parts` one after the other. */
async function ask(server: TestServer, parts: readonly (string | Buffer)[]): Promise<string> {
  const client = await connect(server, '/echo');
  for (const part of parts) client.send(part);
  client.finish();
  return (await answerOf(client)).split(' ', 3).join(' ');
}

test('a token line lets in and is not part of the body', TIMEOUT, () =>
  withServer(
    async (server) => {
      assert.equal(await ask(server, [`TOKEN ${good.token}\n`, 'body']), 'body');
      assert.equal(await ask(server, [`TOKEN ${good.token}\r\nTOKEN\n`]), 'TOKEN\n');
      assert.equal(await ask(server, [`TOKEN ${good.token}\n`]), '');
      const slow = await connect(server, '/echo');
      for (const byte of `TOKEN ${good.token}\r\nbo`) {
        slow.send(byte);
        await turn();
      }
      await slow.sees('bo');
      slow.send('dy');
      slow.finish();
      assert.equal(await answerOf(slow), 'body');
      assert.deepEqual(statsOf(server).refusedTotal, {});
    },
    LINE,
    AUTH,
  ),
);

test('what is no token line, or has a wrong token, is told so', TIMEOUT, () =>
  withServer(
    async (server) => {
      const invalid = 'ERROR 400 TOKEN_LINE_INVALID';
      for (const [parts, expected] of [
        [['TOKEN wrong-secret\n', 'body'], 'ERROR 401 INVALID_CREDENTIALS'],
        [['GET / HTTP/1.1\r\n\r\n'], invalid],
        [[Buffer.alloc(100_000, 0xff)], invalid],
        [['TOKEN \nbody'], invalid],
        [['TOKEN two words\nbody'], invalid],
        [['token wrong-secret\n'], invalid],
        [['TOKEN wrong-secret'], invalid],
        [[`TOKEN ${'x'.repeat(20_000)}`], invalid],
        [[`TOKEN ${small.token}\n`, '12345'], 'ERROR 413 BODY_TOO_LARGE'],
      ] as const) {
        assert.equal(await ask(server, parts), expected, String(parts[0]).slice(0, 40));
      }
      const { refusedTotal, requestsTotal } = statsOf(server);
      assert.deepEqual(refusedTotal, { INVALID_CREDENTIALS: 1, TOKEN_LINE_INVALID: 7 });
      assert.equal(requestsTotal, 9);
      const log = server.log.join('\n');
      for (const secret of ['wrong-secret', good.token]) assert.ok(!log.includes(secret));
    },
    LINE,
    AUTH,
  ),
);

test('a client that waits for its answer does not have to end to be refused', TIMEOUT, () =>
  withServer(
    async (server) => {
      const client = await connect(server);
      client.send('TOKEM');
      await client.sees('ERROR 400 TOKEN_LINE_INVALID');
      assert.equal(await client.ending(), 'end');
      client.finish();
    },
    LINE,
    AUTH,
  ),
);

test('without a token line, and with authentication: 401', TIMEOUT, () =>
  withServer(
    async (server) => assert.equal(await ask(server, ['body']), 'ERROR 401 UNAUTHENTICATED'),
    {},
    AUTH,
  ),
);

test('nothing in time: 408', TIMEOUT, () =>
  withServer(
    async (server) => {
      const silent = await connect(server);
      assert.match(await answerOf(silent), /^ERROR 408 HEAD_TIMEOUT .*\n$/);
    },
    { firstBytesTimeoutMs: 300 },
  ),
);

test('nothing more: 408', TIMEOUT, () =>
  withServer(
    async (server) => {
      const idle = await connect(server, '/silent');
      idle.send('begun');
      assert.match(await answerOf(idle), /^ERROR 408 UPLOAD_TOO_SLOW .*nothing came.*\n$/);
    },
    { idleTimeoutMs: 300 },
  ),
);

test('time in which the server itself does not read is not idle', TIMEOUT, () => {
  const idleTimeoutMs = 3000;
  return withServer(
    async (server) => {
      const client = await connect(server);
      client.send('begun');
      await server.worker.report('reading');
      server.worker.signal('SIGSTOP');
      client.send(Buffer.alloc(20 * 65_536));
      const full = () => server.server.ingress.stats().waitingBytes > 0;
      await until(full, 'a full lane');
      await delay(idleTimeoutMs + 500);
      server.worker.signal('SIGCONT');
      client.finish();
      assert.equal(JSON.parse(await answerOf(client)).bytes, 5 + 20 * 65_536);
    },
    { idleTimeoutMs },
    PATIENT,
  );
});

test('no worker: a line', TIMEOUT, () =>
  withServer(
    async (server) => {
      const nobody = await connect(server, '/nobody');
      nobody.send('body');
      nobody.finish();
      assert.match(await answerOf(nobody), /^ERROR 503 NO_WORKER [^\n]+\n$/);
    },
    {},
    { limits: { noWorkerTimeoutMs: 300 } },
  ),
);

test('an error within an answer: a reset', TIMEOUT, () =>
  withServer(async (server) => {
    const begun = await connect(server, '/fail?head');
    begun.send('body');
    await begun.sees('begun\n');
    begun.finish();
    assert.equal(await begun.ending(), 'reset');
  }),
);

test('with errors as reset nothing is said', TIMEOUT, () =>
  withServer(
    async (server) => {
      const client = await connect(server, '/fail');
      client.send('body');
      client.finish();
      assert.equal(await client.ending(), 'reset');
      assert.equal(client.received, '');
    },
    { errors: 'reset' },
  ),
);

test('connections beyond the limits are closed', TIMEOUT, () =>
  withServer(
    async (server) => {
      const first = await connect(server, '/echo');
      first.send('x');
      await first.sees('x');
      const second = await connect(server);
      await second.ending();
      assert.equal(statsOf(server).refusedTotal.TOO_MANY_CONNECTIONS, 1);
      first.finish();
      assert.equal(await answerOf(first), 'x');
    },
    {},
    { limits: { maxConnectionsPerPeer: 1 } },
  ),
);
