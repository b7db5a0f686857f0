import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { hashChosenToken } from '../../../src/admission/index.js';
import { runSrtClient, SrtServer } from '../../support/srt.js';
import { until } from '../../support/until.js';

const TIMEOUT = { timeout: 120_000 };
const newId = () => randomBytes(16).toString('hex');

let server: SrtServer;
before(async () => {
  server = await SrtServer.start();
});
after(() => server.stop());

const addressOf = ({ server: { server } }: SrtServer, id: string): string => {
  const http = server.addresses.find(({ transport }) => transport === 'http1');
  return `http://127.0.0.1:${http?.port}/srt-answers/${id}`;
};

/** The answer, once the server knows of the caller. */
async function answerOf(from: SrtServer, id: string, headers = {}): Promise<Response> {
  let response: Response | undefined;
  await until(async () => {
    response = await fetch(addressOf(from, id), { headers });
    return response.status !== 404;
  }, 'the answer');
  return response as Response;
}

/** Sends a file and leaves. */
function leave(to: SrtServer, keys: string, body: Buffer) {
  const id = `#!::r=a,t=file,${keys}`;
  return runSrtClient([String(to.port('live')), '--file', '--stream-id', id, '--no-answer'], body);
}

test('who has left fetches its answer over HTTP, more than once', TIMEOUT, async () => {
  const id = newId();
  const body = randomBytes(100_000);
  await leave(server, `user_answer=${id},user_x=pad-50000`, body);
  for (let i = 0; i < 2; i++) {
    const response = await answerOf(server, id);
    assert.equal(response.status, 200);
    const said = (await response.json()) as { sha256: string; padding: string };
    assert.equal(said.sha256, createHash('sha256').update(body).digest('hex'));
    assert.equal(said.padding.length, 50_000);
  }
  assert.equal((await fetch(addressOf(server, newId()))).status, 404);
});

test('an upload that broke off has an error for its answer', TIMEOUT, async () => {
  const id = newId();
  await leave(server, `user_answer=${id},user_len=1000`, randomBytes(10));
  const answer = await answerOf(server, id);
  assert.equal(((await answer.json()) as { error: string }).error, 'CLIENT_GONE');
  await server.server.free();
});

test('an id is for one answer', TIMEOUT, async () => {
  const id = newId();
  await leave(server, `user_answer=${id}`, randomBytes(10));
  assert.equal((await answerOf(server, id)).status, 200);
  await leave(server, `user_answer=${id}`, randomBytes(10));
  await until(() => server.refused.ANSWER_ID_TAKEN === 1, 'the refusal');
  await server.server.free();
});

test(
  'answers have their time and their room, and who may not publish may not read',
  TIMEOUT,
  async () => {
    const token = 'a-token-of-the-tests';
    const hash = await hashChosenToken(token);
    const permissions = [{ action: 'publish' as const, path: '/srt/a' }];
    const small = await SrtServer.start(
      { answers: { path: '/srt-answers', keepMs: 5000, maxBytes: 65_536 } },
      { auth: { tokens: [{ name: 'ann', hash, permissions }] } },
    );
    try {
      const id = newId();
      const keys = `user_token=${token},user_answer=`;
      await leave(small, `${keys}${id}`, randomBytes(10));
      assert.equal((await answerOf(small, id)).status, 401);
      const headers = { authorization: `Bearer ${token}` };
      assert.equal((await answerOf(small, id, headers)).status, 200);
      const large = newId();
      await leave(small, `${keys}${large},user_x=pad-70000`, randomBytes(10));
      assert.equal((await answerOf(small, large, headers)).status, 507);
      await until(
        async () => (await fetch(addressOf(small, id), { headers })).status === 404,
        'its end',
      );
    } finally {
      await small.stop();
    }
  },
);
