import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { until, within } from '../support/until.js';
import { Publisher, record } from './publisher.js';
import type { Scenario } from './scenario.js';
import { assertRead, SLOT, sample, tallyOf } from './tools.js';

const pools = [{ name: 'uploads', streams: 8, requestSlots: 8, responseSlots: 4 }];

/** Streams without an end, and the access units in them. */
export const live: readonly Scenario[] = [
  {
    name: 'access units go over the borders of slots',
    places: 1,
    async run({ client, server, start }) {
      const worker = await start({ work: 'units' });
      const datas = [0, 1, 29, SLOT - 61, SLOT, 3 * SLOT + 1, 500].map(sample);
      const body = Buffer.concat(datas.map((data, id) => record(id + 5, data)));
      const upload = client.open(server, { path: '/upload/x' });
      for (let at = 0; at < body.length; at += 10_007) {
        await upload.write(body.subarray(at, at + 10_007));
      }
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(await answer.text(), tallyOf(...datas));
      const units = await worker.event('units');
      assert.deepEqual([units.units, units.first], [datas.length, 5]);
    },
  },
  {
    name: 'access units say their track, whether they are keyframes or not',
    places: 1,
    async run({ client, server, start }) {
      const folder = server.file('.');
      const worker = await start({ work: 'units', argument: folder });
      const tracks = [0, 1, 127, 1, 0];
      const datas = tracks.map((_, id) => sample(100 + id));
      const keys = [true, true, false, false, false];
      const body = datas.map((data, id) => record(id, data, keys[id], tracks[id]));
      const upload = client.open(server, { path: '/upload/x' });
      await upload.write(Buffer.concat(body));
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(await answer.text(), tallyOf(...datas));
      assert.equal((await worker.event('units')).keys, 2);
      const files = readdirSync(folder).filter((name) => name.startsWith('27-'));
      assert.deepEqual(files.sort(), ['27-0', '27-1', '27-127']);
      for (const track of [0, 1, 127]) {
        const expected = datas.filter((_, id) => tracks[id] === track);
        assert.deepEqual(readFileSync(`${folder}/27-${track}`), Buffer.concat(expected));
      }
    },
  },
  {
    name: 'a stream that is cut in an access unit, or has an impossible one, is an error of its own',
    places: 1,
    async run({ client, server, start }) {
      const worker = await start({ work: 'units' });
      const unit = record(0, sample(100));
      const lie = Buffer.from(unit);
      lie.writeUInt32BE(0xffffffff, 26);
      const codes = ['ACCESS_UNIT_TRUNCATED', 'ACCESS_UNIT_TOO_LARGE'];
      for (const [index, body] of [unit.subarray(0, 77), lie].entries()) {
        const upload = client.open(server, { path: '/upload/x' });
        await upload.write(body);
        upload.end();
        const answer = await within(upload.answer, 'the answer');
        assert.equal(answer.status, 502);
        assert.equal((await worker.event('failed', index + 1)).code, codes[index]);
      }
    },
  },
  {
    name: 'a late observer begins with the newest keyframe',
    places: 2,
    options: { segment: { pools } },
    async run({ server, start }) {
      const responder = await start({ work: 'units' }, 0);
      const publisher = new Publisher(server);
      const datas = Array.from({ length: 30 }, (_, id) => sample(100 + id));
      const publish = async (from: number, to: number) => {
        for (let id = from; id < to; id++) {
          await publisher.publish(id, datas[id] as Uint8Array, id % 5 === 2);
        }
      };
      // The keyframe 22 is the newest, and what came before it has gone.
      await publish(0, 24);
      const late = await start({ role: 'late', work: 'units' }, 1);
      await late.event('reading');
      await publish(24, 30);
      await publisher.end();
      assert.equal(publisher.status, 200);
      const all = await responder.event('units');
      assert.deepEqual([all.units, all.first], [30, 0]);
      assertRead(all, Buffer.concat(datas));
      const seen = await late.event('units');
      assert.deepEqual([seen.units, seen.first], [8, 22]);
      assertRead(seen, Buffer.concat(datas.slice(22)));
    },
  },
  {
    name: 'where the newest keyframe has gone, a late observer begins with the next one',
    places: 2,
    options: { segment: { pools } },
    async run({ server, start }) {
      await start({ work: 'units' }, 0);
      const publisher = new Publisher(server);
      const data = sample(1000);
      let id = 0;
      const publish = async (count: number, key = false) => {
        for (const end = id + count; id < end; id++) await publisher.publish(id, data, key);
      };
      await publish(1, true);
      await publish(30);
      const late = await start({ role: 'late', work: 'units' }, 1);
      const { native } = server.server.segment;
      await until(() => native.workers().length >= 2, 'the late one');
      await publish(2);
      const first = id;
      await publish(1, true);
      await late.event('reading');
      await publish(3);
      await publisher.end();
      const seen = await late.event('units');
      assert.deepEqual([seen.units, seen.first], [4, first]);
    },
  },
];
