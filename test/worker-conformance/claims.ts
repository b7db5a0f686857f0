import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { until, within } from '../support/until.js';
import type { Scenario } from './scenario.js';
import { assertTallied, errorOf, post, sample, tallyOf } from './tools.js';

const RACERS = 8;
const STREAMS = 200;

const AT_ONCE = 8;

// Twice as many as are open at once: a stream that was answered takes a moment to close.
const POOL = { name: 'uploads', streams: 2 * AT_ONCE, requestSlots: 8, responseSlots: 4 };

/** One answers, and only one; and what becomes of the request when it dies. */
export const claims: readonly Scenario[] = [
  {
    name: `${RACERS} workers race for ${STREAMS} streams: each has exactly one winner`,
    places: 3,
    // Offered to all at once, so that they do race.
    options: { limits: { claimPatienceMs: 1 }, segment: { maxWorkers: 16, pools: [POOL] } },
    async run(stage) {
      const duties = Array.from({ length: RACERS }, (_, i) =>
        stage.start({ work: 'slow', argument: 2 }, i % 3),
      );
      const workers = await Promise.all(duties);
      for (let sent = 0; sent < STREAMS; sent += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => assertTallied(stage, 10 + i)));
      }
      const taken = workers.flatMap((worker) => worker.all('taken').map(({ stream }) => stream));
      assert.equal(taken.length, STREAMS);
      assert.equal(new Set(taken).size, STREAMS);
    },
  },
  {
    name: 'a worker that gives up: the client is told at once',
    places: 1,
    async run({ client, server, start }) {
      await start({ work: 'fail' });
      const answer = await post(client, server, { path: '/upload/x' }, 'body');
      assert.equal(answer.status, 502);
      assert.equal((await errorOf(answer)).error, 'WORKER_FAILED');
    },
  },
  {
    name: 'an answer that does not wait for the body',
    places: 1,
    async run({ client, server, start }) {
      await start({ work: 'early' });
      const answer = await post(client, server, { path: '/upload/x' }, sample(10));
      assert.equal(await answer.text(), 'early\n');
    },
  },
  ...['before-claim', 'after-claim', 'reading'].map(
    (when): Scenario => ({
      name: `it dies ${when}: another worker gets the whole request`,
      places: 2,
      async run({ client, server, start }) {
        const dying = await start({ work: 'die', argument: when }, 0);
        const body = sample(1000);
        const upload = client.open(server, { path: '/upload/x' });
        await upload.write(body);
        await within(dying.exited, 'its death');
        await start({ work: 'tally' }, 1);
        upload.end();
        const answer = await within(upload.answer, 'the answer');
        assert.equal(await answer.text(), tallyOf(body));
      },
    }),
  ),
  ...['after-head', 'mid-body'].map(
    (when): Scenario => ({
      name: `it dies ${when}: the client is cut off, and the next request goes on`,
      places: 2,
      async run(stage) {
        const dying = await stage.start({ work: 'die', argument: when }, 0);
        const upload = stage.client.open(stage.server, { path: '/upload/x' });
        const answer = await within(upload.answer, 'the head');
        if (when === 'mid-body') assert.equal(await answer.next(), 'begun\n');
        dying.tell();
        await assert.rejects(within(answer.text(), 'the cut'));
        await within(dying.exited, 'its death');
        await stage.start({ work: 'tally' }, 1);
        await assertTallied(stage, 100);
      },
    }),
  ),
  {
    name: 'SIGTERM: what was taken is finished, and nothing new is taken',
    places: 2,
    async run(stage) {
      const { client, server } = stage;
      const leaving = await stage.start({ work: 'hold' }, 0);
      const upload = client.open(server, { path: '/upload/x' });
      await upload.write('first');
      await leaving.event('taken');
      const stopped = leaving.stop();
      // It is at work still: a worker that had stopped already could not be told from it.
      await delay(50);
      await stage.start({ work: 'tally' }, 1);
      await assertTallied(stage, 10);
      assert.equal(leaving.all('taken').length, 1);
      leaving.tell();
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(await answer.text(), tallyOf(Buffer.from('first')));
      assert.equal(await within(stopped, 'its end'), 0);
      await until(() => !leaving.alive, 'its end');
    },
  },
];
