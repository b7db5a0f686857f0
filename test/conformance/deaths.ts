import assert from 'node:assert/strict';
import { until, within } from '../support/until.js';
import type { Scenario } from './client.js';
import { errorOf, post, pour, SLOT, sample, sha256 } from './tools.js';

let marks = 0;

const scenarios: readonly Scenario[] = [
  {
    name: 'the worker dies before its answer: another one gets the whole request',
    async run(client, server) {
      const { requeuesTotal } = server.server.ingress.stats();
      const body = sample(3 * SLOT);
      const path = `/upload/die-once?mark=${server.file(`mark-${marks++}`)}`;
      const answer = await post(client, server, { path }, body);
      assert.equal(answer.status, 200);
      assert.equal(JSON.parse(await answer.text()).sha256, sha256(body));
      assert.equal(server.server.ingress.stats().requeuesTotal, requeuesTotal + 1);
    },
  },
  {
    name: 'the worker dies in the middle of a slot: nobody sees it',
    async run(client, server) {
      const { tornSlotsTotal } = server.server.ingress.stats();
      const path = `/upload/die-once?head=1&mark=${server.file(`mark-${marks++}`)}`;
      const answer = await post(client, server, { path }, 'body');
      assert.equal(answer.status, 200);
      await answer.text();
      assert.equal(server.server.ingress.stats().tornSlotsTotal, tornSlotsTotal + 1);
    },
  },
  {
    name: 'the worker dies before it reads a request that fills the lane: another one gets all of it',
    async run(client, server) {
      const before = server.workers.map((worker) => worker.reports.length);
      const body = sample(20 * SLOT);
      const path = `/upload/die-full?mark=${server.file(`mark-${marks++}`)}`;
      const answer = await post(client, server, { path }, body);
      assert.equal(answer.status, 200);
      assert.equal(JSON.parse(await answer.text()).sha256, sha256(body));
      const gaps = server.workers.flatMap((worker, i) =>
        worker.reports.slice(before[i]).filter(({ event }) => event === 'reading'),
      );
      assert.deepEqual(
        gaps.map(({ gap }) => gap),
        [0],
      );
    },
  },
  {
    name: 'a worker that comes when the lane is full already gets the whole request',
    async run(client, server) {
      await Promise.all(server.workers.map((worker) => worker.kill()));
      const body = sample(20 * SLOT);
      const answered = post(client, server, { path: '/upload/hash' }, body);
      const { native } = server.server.segment;
      await until(() => native.streams()[0]?.lanes[0]?.full === true, 'a full lane');
      await server.keepWorkers(1);
      const answer = await answered;
      assert.equal(answer.status, 200);
      assert.equal(JSON.parse(await answer.text()).sha256, sha256(body));
      assert.equal((await server.worker.report('reading')).gap, 0);
    },
  },
  {
    name: 'the worker dies when the request is not whole any more: 502 at once',
    async run(client, server) {
      const upload = client.open(server, { path: `/upload/die-reading?after=${20 * SLOT}` });
      void pour(upload, 100 * SLOT);
      const answer = await within(upload.answer, 'the answer');
      assert.equal(answer.status, 502);
      assert.equal((await errorOf(answer)).error, 'WORKER_DIED');
      upload.abort();
    },
  },
  {
    name: 'the worker dies within its answer: the answer is cut',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/die-answering' });
      const answer = await within(upload.answer, 'the head');
      assert.equal(await answer.next(), 'begun\n');
      upload.end();
      await assert.rejects(within(answer.text(), 'the cut'));
    },
  },
  {
    name: 'the worker dies after its whole answer: the client gets it',
    async run(client, server) {
      const answer = await post(client, server, { path: '/upload/die-complete' }, 'body');
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), 'complete');
    },
  },
  {
    name: 'a request that every worker dies of ends as 502',
    async run(client, server) {
      const answer = await post(client, server, { path: '/upload/die-reading' }, 'poison');
      assert.equal(answer.status, 502);
      assert.equal((await errorOf(answer)).error, 'WORKER_DIED');
    },
  },
];

/** Workers that die; `maxAttempts` is 2. Each scenario begins with two, and costs one or more. */
export const deaths: readonly Scenario[] = scenarios.map(({ name, run }) => ({
  name,
  async run(client, server) {
    await server.keepWorkers(2);
    const workers = [...server.workers];
    await run(client, server);
    await until(() => workers.some(({ alive }) => !alive), 'the death');
  },
}));
