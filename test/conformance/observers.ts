import assert from 'node:assert/strict';
import { until, within } from '../support/until.js';
import type { Scenario } from './client.js';
import { errorOf, post, SLOT, sample, sha256 } from './tools.js';

/** Name of the observer that the server of these scenarios requires. */
export const REQUIRED = 'required-scanner';

let marks = 0;

/** Observers beside the worker: a plain one and a required one. */
export const observers: readonly Scenario[] = [
  {
    name: 'a required observer that passes lets the response through',
    async run(client, server) {
      const body = sample(20 * SLOT);
      const answer = await post(client, server, { path: '/upload/hash' }, body);
      assert.equal(answer.status, 200);
      assert.equal(JSON.parse(await answer.text()).sha256, sha256(body));
      // A plain observer may come too late for the beginning; a required one never does.
      const observed = await server.workers[1]?.report('observed');
      assert.equal(observed?.sha256, sha256(body));
    },
  },
  {
    name: 'a veto answers in the place of the worker, with the reason',
    async run(client, server) {
      const headers = { 'x-verdict': 'veto:0:contains a virus' };
      const answer = await post(client, server, { path: '/upload/hash', headers }, 'body');
      assert.equal(answer.status, 422);
      const error = await errorOf(answer);
      assert.equal(error.error, 'VETOED');
      assert.match(error.message, /contains a virus/);
    },
  },
  {
    name: 'a veto may choose its status, and only an error',
    async run(client, server) {
      for (const [given, expected] of [
        [451, 451],
        [200, 422],
      ]) {
        const headers = { 'x-verdict': `veto:${given}:no` };
        const answer = await post(client, server, { path: '/upload/hash', headers }, 'body');
        assert.equal(answer.status, expected);
        await answer.text();
      }
    },
  },
  {
    name: 'a plain observer that is slower than the worker sees the whole request',
    async run(client, server) {
      const plain = server.workers[2];
      assert.ok(plain);
      const before = plain.reports.length;
      const body = sample(6 * SLOT);
      const headers = { 'x-observe-ms': '20' };
      const upload = client.open(server, { path: '/upload/hash', headers });
      // The head alone: on a busy machine a larger part may pass through the lane before it is there.
      await upload.write(body.subarray(0, 1));
      await plain.report('reading', before);
      await upload.write(body.subarray(1));
      upload.end();
      await (await within(upload.answer, 'an answer')).text();
      assert.equal((await plain.report('observed', before)).sha256, sha256(body));
      await server.free();
    },
  },
  {
    name: 'a required observer dies before its verdict: another one gives it',
    async run(client, server) {
      await server.addWorker(REQUIRED);
      const headers = { 'x-verdict': 'die' };
      const path = `/upload/hash?mark=${server.file(`observer-${marks++}`)}`;
      const answer = await post(client, server, { path, headers }, 'body');
      assert.equal(answer.status, 200);
      await answer.text();
      await until(() => server.server.ingress.stats().workersDiedTotal === 1, 'one death');
    },
  },
];

/** Where `responseTimeoutMs` is short, with the same observers. */
export const silentObservers: readonly Scenario[] = [
  {
    name: 'no verdict: 504, and the worker’s answer is not let through',
    async run(client, server) {
      const before = server.worker.reports.length;
      const headers = { 'x-verdict': 'silent' };
      const upload = client.open(server, { path: '/upload/overlap', headers });
      await upload.write('body');
      // It has begun its answer by then: nothing but the verdict is missing at the end.
      await server.worker.report('reading', before);
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 504);
      assert.match((await errorOf(answer)).message, /verdict/);
    },
  },
];
