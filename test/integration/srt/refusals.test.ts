import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createToken } from '../../../src/admission/index.js';
import { runSrtClient, SrtServer } from '../../support/srt.js';
import { until } from '../../support/until.js';

const TIMEOUT_MS = 120_000;
const COMMON = 'common passphrase';
const ANNS = "ann's passphrase";
/** SRT_REJ_BADSECRET and SRT_REJ_UNSECURE of srt.h. */
const BAD_SECRET = 10;
const UNSECURE = 11;

async function withServer(
  srt: Parameters<typeof SrtServer.start>[0],
  use: (server: SrtServer) => Promise<void>,
  options?: Parameters<typeof SrtServer.start>[1],
): Promise<void> {
  const server = await SrtServer.start(srt, options);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

/** Calls, and says with which reason it was refused; 0: it was not. */
async function rejectOf(
  server: SrtServer,
  streamId: string,
  passphrase = '',
  ...args: string[]
): Promise<number> {
  const secret = passphrase === '' ? [] : ['--passphrase', passphrase];
  const port = String(server.port('live'));
  const client = [port, '--stream-id', streamId, '--no-answer', ...secret, ...args];
  const { connected, reject } = await runSrtClient(client);
  return connected ? 0 : (reject ?? -1);
}

/** A caller that stays: it has more to send, and waits for its answer. */
const hold = (server: SrtServer) =>
  runSrtClient(
    [String(server.port('live')), '--stream-id', '#!::r=a,user_len=5'],
    Buffer.from('1'),
  );

test('stream ids that publish nothing', { timeout: TIMEOUT_MS }, () =>
  withServer({}, async (server) => {
    assert.equal(await rejectOf(server, '#!::r=a,m=request'), 1405);
    assert.equal(await rejectOf(server, 'read:a'), 1405);
    assert.equal(await rejectOf(server, '#!::r=a,m=what'), 1400);
    assert.equal(await rejectOf(server, '#!::r'), 1400);
    assert.equal(await rejectOf(server, '#!::r=a,user_len=-1'), 1400);
    await until(() => (server.refused.SRT_CALLER_REFUSED ?? 0) === 5, 'refusals to be counted');
    assert.equal(server.reports.filter(({ event }) => event === 'opened').length, 0);
  }),
);

test('users, their resources and their passphrases', { timeout: TIMEOUT_MS }, () => {
  const users = [
    { name: 'ann', passphrase: ANNS, resources: ['live/*'] },
    { name: 'bob', resources: ['exact'] },
  ];
  return withServer({ passphrase: COMMON, users }, async (server) => {
    assert.equal(await rejectOf(server, '#!::u=ann,r=live/1', ANNS), 0);
    assert.equal(await rejectOf(server, '#!::u=ann,r=live/1', ANNS, '--key-length', '32'), 0);
    assert.equal(await rejectOf(server, 'publish:live/2:ann', ANNS), 0);
    assert.equal(await rejectOf(server, '#!::u=ann,r=live/1', COMMON), BAD_SECRET);
    assert.equal(await rejectOf(server, '#!::u=ann,r=live/1'), UNSECURE);
    assert.equal(await rejectOf(server, '#!::u=ann,r=other', ANNS), 1403);
    assert.equal(await rejectOf(server, '#!::u=bob,r=exact', COMMON), 0);
    assert.equal(await rejectOf(server, '#!::u=bob,r=exact/1', COMMON), 1403);
    assert.equal(await rejectOf(server, '#!::u=eve,r=live/1', COMMON), 1401);
    assert.equal(await rejectOf(server, 'live/1', COMMON), 1401);
    await until(() => server.refused.UNAUTHENTICATED === 2, 'refusals to be counted');
    assert.equal(server.refused.FORBIDDEN, 2);
    for (const line of server.server.log) {
      assert.ok(!line.includes(ANNS) && !line.includes(COMMON), line);
    }
  });
});

test('connections beyond their number', { timeout: TIMEOUT_MS }, () =>
  withServer({ maxConnections: 1 }, async (server) => {
    const held = hold(server);
    await server.report('opened');
    assert.equal(await rejectOf(server, 'b'), 1402);
    await server.stop();
    await held;
  }),
);

test('what auth refuses is answered where an answer is waited for', { timeout: TIMEOUT_MS }, () => {
  const { token, hash } = createToken();
  const permissions = [{ action: 'publish' as const, path: '/srt/live/*' }];
  const auth = { tokens: [{ name: 'cam', hash, permissions }] };
  return withServer(
    {},
    async (server) => {
      const port = String(server.port('live'));
      const statusOf = async (id: string): Promise<number> => {
        const { answer = '' } = await runSrtClient([port, '--stream-id', id], Buffer.from('12345'));
        return (JSON.parse(answer.split('\n')[0] ?? '') as { status: number }).status;
      };
      assert.equal(await statusOf('#!::r=live/1,user_len=5'), 401);
      assert.equal(await statusOf(`#!::r=live/1,user_len=5,user_token=${token}`), 200);
      assert.equal(await statusOf(`#!::r=live/1,user_len=5,u=cam,s=${token}`), 200);
      assert.equal(await statusOf(`#!::r=other,user_len=5,user_token=${token}`), 403);
      assert.equal(
        server.server.log.some((line) => line.includes(token)),
        false,
      );
    },
    { auth },
  );
});

test(
  'a drained server refuses callers, and cuts a live one when its time is over',
  { timeout: TIMEOUT_MS },
  () =>
    withServer({}, async (server) => {
      const held = hold(server);
      await server.report('opened');
      const cut = new AbortController();
      const drained = server.server.server.drain(cut.signal);
      assert.equal(await rejectOf(server, 'b'), 1503);
      cut.abort();
      await drained;
      await held;
      await server.report('aborted');
    }),
);

test('a caller that sends nothing', { timeout: TIMEOUT_MS }, () =>
  withServer({ firstBytesTimeoutMs: 500 }, async (server) => {
    const args = [String(server.port('live')), '--stream-id', '#!::r=a,user_len=5'];
    assert.equal((await runSrtClient(args)).answer, '');
    assert.equal(server.refused.HEAD_TIMEOUT, 1);
  }),
);

test('a port that is taken', { timeout: TIMEOUT_MS }, () =>
  withServer({}, async (server) => {
    await assert.rejects(SrtServer.start({ port: server.port('live') }), {
      code: 'SRT_LISTEN_FAILED',
    });
  }),
);
