import assert from 'node:assert/strict';
import { until, within } from '../support/until.js';
import type { Scenario } from './client.js';
import { errorOf, post, pour, SLOT, sample, sha256 } from './tools.js';

/** What every transport does where a request and its answer go wrong. One worker; `maxBodyBytes`. */
export const failures: readonly Scenario[] = [
  {
    name: 'an answer streams while the upload goes on',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/overlap' });
      await upload.write('some');
      const answer = await within(upload.answer, 'the head');
      assert.equal(await within(answer.next(), 'the first bytes'), 'first\n');
      await upload.write(' more');
      upload.end();
      const expected = sha256(Buffer.from('some more'));
      assert.equal(await within(answer.text(), 'the rest'), `9 ${expected}\n`);
    },
  },
  {
    name: 'an answer that ends before the upload reaches the client',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/early' });
      await upload.write('some');
      const answer = await within(upload.answer, 'the head');
      assert.equal(answer.status, 200);
      assert.equal(await within(answer.text(), 'the body'), 'early');
      upload.abort();
    },
  },
  {
    name: 'a client that leaves ends the work, and the worker knows why',
    async run(client, server) {
      const before = server.worker.reports.length;
      const upload = client.open(server, { path: '/upload/silent' });
      await upload.write(sample(3 * SLOT));
      await server.worker.report('reading', before);
      upload.abort();
      const { abort } = await server.worker.report('failed', before);
      assert.equal(abort, 'CLIENT_GONE');
      await server.free();
    },
  },
  {
    name: 'a declared body over the limit is refused before it is read',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/hash', length: 2 * 2 ** 30 });
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 413);
      assert.equal((await errorOf(answer)).error, 'BODY_TOO_LARGE');
      upload.abort();
    },
  },
  {
    name: 'an undeclared body over the limit is refused when it passes it',
    async run(client, server) {
      const before = server.worker.reports.length;
      const upload = client.open(server, { path: '/upload/silent' });
      await pour(upload, 210 * 2 ** 20, 2 ** 20);
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 413);
      upload.abort();
      const { abort } = await server.worker.report('failed', before);
      assert.equal(abort, 'BODY_TOO_LARGE');
    },
  },
  {
    name: 'no free stream: 503 and Retry-After, and then there is one again',
    async run(client, server) {
      await server.free();
      const before = server.worker.reports.length;
      const held = Array.from({ length: 8 }, () => client.open(server, { path: '/upload/echo' }));
      await Promise.all(held.map(({ answer }) => within(answer, 'the head')));
      const refused = await post(client, server, { path: '/upload/hash' }, 'one too many');
      assert.equal(refused.status, 503);
      assert.equal(refused.headers['retry-after'], '1');
      assert.equal((await errorOf(refused)).error, 'NO_FREE_STREAM');
      for (const upload of held) upload.abort();
      await until(
        () => server.worker.reports.slice(before).filter((r) => r.event === 'failed').length === 8,
        'eight aborts',
      );
      await server.free();
      const answer = await post(client, server, { path: '/upload/hash' }, 'fits');
      assert.equal(answer.status, 200);
      await answer.text();
    },
  },
  {
    name: 'a worker gives up before its answer: 502',
    async run(client, server) {
      const answer = await post(client, server, { path: '/upload/fail' }, 'body');
      assert.equal(answer.status, 502);
      assert.equal((await errorOf(answer)).error, 'WORKER_FAILED');
    },
  },
  {
    name: 'a worker gives up within its answer: the answer is cut',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/fail?head' });
      const answer = await within(upload.answer, 'the head');
      assert.equal(answer.status, 200);
      assert.equal(await within(answer.next(), 'the first bytes'), 'begun\n');
      upload.end();
      await assert.rejects(within(answer.text(), 'the cut'));
    },
  },
];

/** Where `noWorkerTimeoutMs` is short. Nothing here waits for another limit, nor in the ones below: one that
 *  is short for everybody would end what only a busy machine keeps waiting. */
export const untaken: readonly Scenario[] = [
  {
    name: 'no worker takes the request: 503 and Retry-After',
    async run(client, server) {
      const answer = await post(client, server, { path: '/upload/nobody' }, 'body');
      assert.equal(answer.status, 503);
      assert.equal(answer.headers['retry-after'], '1');
      assert.equal((await errorOf(answer)).error, 'NO_WORKER');
    },
  },
  {
    name: 'a worker gives its claim back again and again: 503',
    async run(client, server) {
      const answer = await post(client, server, { path: '/upload/release' }, 'body');
      assert.equal(answer.status, 503);
    },
  },
];

/** Where `responseTimeoutMs` is short. */
export const unanswered: readonly Scenario[] = [
  {
    name: 'a worker that does not answer: 504',
    async run(client, server) {
      const before = server.worker.reports.length;
      const upload = client.open(server, { path: '/upload/silent' });
      await upload.write('body');
      // From the end on it has its time: it must have begun by then.
      await server.worker.report('reading', before);
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 504);
      assert.equal((await errorOf(answer)).error, 'RESPONSE_TIMEOUT');
      assert.equal((await server.worker.report('failed', before)).abort, 'RESPONSE_TIMEOUT');
    },
  },
  {
    name: 'a worker that claims and reads nothing of a long body: 504',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/idle' });
      void pour(upload, 100 * SLOT);
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 504);
      upload.abort();
    },
  },
];

/** Where `evictAfterMs` is short. */
export const stuck: readonly Scenario[] = [
  {
    name: 'a reader that holds a full lane up is evicted: 502',
    async run(client, server) {
      const { evictionsTotal } = server.server.ingress.stats();
      const upload = client.open(server, { path: '/upload/stuck' });
      void pour(upload, 100 * SLOT);
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 502);
      assert.match((await errorOf(answer)).message, /evicted/);
      assert.equal(server.server.ingress.stats().evictionsTotal, evictionsTotal + 1);
      upload.abort();
    },
  },
  {
    name: 'a pin that nobody gives back: 502, and the place stays set aside while its worker lives',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/pinned' });
      void pour(upload, 100 * SLOT);
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 502);
      assert.match((await errorOf(answer)).message, /pinned/);
      upload.abort();
      assert.equal(server.server.ingress.stats().setAside, 1);
      await server.worker.kill();
      await server.free();
      await server.keepWorkers(1);
    },
  },
];

/** Where uploads must be quick. */
export const slow: readonly Scenario[] = [
  {
    name: 'an upload that is too slow: 408',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/hash' });
      await upload.write('drip');
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 408);
      assert.equal((await errorOf(answer)).error, 'UPLOAD_TOO_SLOW');
      upload.abort();
    },
  },
];
