import assert from 'node:assert/strict';
import { within } from '../support/until.js';
import type { Scenario } from './scenario.js';
import { assertRead, errorOf, post, SLOT, sample, tallyOf } from './tools.js';

const POOL = { name: 'uploads', streams: 8, requestSlots: 8, responseSlots: 4 };
const required = { segment: { requiredObservers: ['scan'], pools: [POOL] } };
const staged = { segment: { pools: [{ ...POOL, stages: ['text'], stageSlots: 4 }] } };

/** Workers beside the one that answers. */
export const observing: readonly Scenario[] = [
  {
    name: 'a required observer that passes lets the answer through',
    places: 2,
    options: required,
    async run({ client, server, start }) {
      const scan = await start({ role: 'required:scan', work: 'pass' }, 0);
      await start({ work: 'tally' }, 1);
      const body = sample(20 * SLOT + 7);
      const answer = await post(client, server, { path: '/upload/x' }, body);
      assert.equal(await answer.text(), tallyOf(body));
      assertRead(await scan.event('read'), body);
    },
  },
  {
    name: 'a required observer that refuses: the client gets its status and reason',
    places: 2,
    options: required,
    async run({ client, server, start }) {
      await start({ role: 'required:scan', work: 'veto' }, 0);
      await start({ work: 'tally' }, 1);
      const answer = await post(client, server, { path: '/upload/x' }, sample(100));
      assert.equal(answer.status, 422);
      const { error, message } = await errorOf(answer);
      assert.equal(error, 'VETOED');
      assert.match(message, /refused/);
    },
  },
  {
    name: 'a required observer dies while it reads: another one of its name judges',
    places: 3,
    options: required,
    async run({ client, server, start }) {
      const dying = await start({ role: 'required:scan', work: 'die', argument: 'reading' }, 0);
      await start({ work: 'tally' }, 1);
      const body = sample(1000);
      const answered = post(client, server, { path: '/upload/x' }, body);
      await within(dying.exited, 'its death');
      const scan = await start({ role: 'required:scan', work: 'pass' }, 2);
      const answer = await answered;
      assert.equal(await answer.text(), tallyOf(body));
      assertRead(await scan.event('read'), body);
    },
  },
  {
    name: 'one reads the request and writes a stage, another answers from the stage',
    places: 2,
    options: staged,
    async run({ client, server, start }) {
      await start({ role: 'observer', work: 'stage', argument: 'text' }, 0);
      await start({ work: 'stage', argument: 'text' }, 1);
      const body = sample(30 * SLOT + 3);
      const answer = await post(client, server, { path: '/upload/x' }, body);
      const back = Buffer.from(await within(answer.text(), 'the answer'), 'latin1');
      assert.equal(tallyOf(back), tallyOf(body.map((byte) => ~byte)));
    },
  },
];
