import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { until, within } from '../support/until.js';
import type { Scenario } from './scenario.js';
import { assertRead, assertTallied, SLOT, sample, tallyOf } from './tools.js';

const MB = 2 ** 20;
const GB = 2 ** 30;

/** Reading and answering, by one worker or several side by side. */
export const reading: readonly Scenario[] = [
  {
    name: 'a body of every size that is special to the ring is read whole',
    places: 1,
    async run(stage) {
      await stage.start({ work: 'tally' });
      for (const size of [0, 1, SLOT - 1, SLOT, SLOT + 1, 8 * SLOT, 20 * SLOT + 5]) {
        await assertTallied(stage, size);
      }
    },
  },
  {
    name: 'a worker reads while the body arrives, and answers meanwhile',
    places: 1,
    async run({ client, server, start }) {
      const worker = await start({ work: 'overlap' });
      const upload = client.open(server, { path: '/upload/x' });
      const answer = await within(upload.answer, 'the head');
      assert.equal(await within(answer.next(), 'the first bytes'), 'first\n');
      await upload.write('one ');
      await worker.event('reading');
      await upload.write('two');
      upload.end();
      assert.equal(await within(answer.text(), 'the rest'), tallyOf(Buffer.from('one two')));
    },
  },
  {
    name: 'several readers, each at its own pace, read the same',
    places: 3,
    async run({ client, server, start }) {
      const quick = await start({ role: 'observer', work: 'tally' }, 0);
      const slow = await start({ role: 'observer', work: 'slow', argument: 3 }, 1);
      await start({ work: 'slow', argument: 1 }, 2);
      const body = sample(40 * SLOT + 1);
      const upload = client.open(server, { path: '/upload/x' });
      await upload.write(body.subarray(0, 1));
      // A plain observer may come too late for a fast upload.
      await Promise.all([quick.event('reading'), slow.event('reading')]);
      await upload.write(body.subarray(1));
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(await answer.text(), tallyOf(body));
      assertRead(await quick.event('read'), body);
      assertRead(await slow.event('read'), body);
    },
  },
  {
    name: 'a slow reader slows the client down, and gets every byte',
    places: 1,
    async run({ client, server, start }) {
      const worker = await start({ work: 'slow', argument: 20 });
      const body = sample(300 * SLOT);
      const upload = client.open(server, { path: '/upload/x' });
      let sent = false;
      const writing = upload.write(body).then(() => {
        sent = true;
        upload.end();
      });
      await worker.event('reading');
      const { native } = server.server.segment;
      await until(() => native.streams()[0]?.lanes[0]?.full === true, 'a full lane');
      assert.equal(sent, false);
      const answer = await within(upload.answer, 'the answer');
      assert.equal(await answer.text(), tallyOf(body));
      await writing;
    },
  },
  {
    name: 'an observer that comes too late leaves the stream out and disturbs nobody',
    places: 2,
    async run({ client, server, start }) {
      await start({ work: 'tally' }, 0);
      const parts = [sample(20 * SLOT), sample(3)] as const;
      const upload = client.open(server, { path: '/upload/x' });
      await upload.write(parts[0]);
      const { native } = server.server.segment;
      const last = () => native.streams()[0]?.lanes[0]?.last ?? 0;
      await until(() => last() > 16, 'the lane to have been written twice');
      const late = await start({ role: 'observer', work: 'tally' }, 1);
      await late.event('missed');
      await upload.write(parts[1]);
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(await answer.text(), tallyOf(...parts));
      assert.equal(late.all('read').length, 0);
      const next = client.open(server, { path: '/upload/x' });
      await next.write(parts[1]);
      await late.event('reading');
      next.end();
      assertRead(await late.event('read'), parts[1]);
    },
  },
  {
    name: 'a chunk that is kept stays as it was while the ones after it are given back',
    places: 1,
    async run({ client, server, start }) {
      await start({ work: 'pin' });
      const upload = client.open(server, { path: '/upload/x' });
      const first = sample(1000);
      const rest = sample(4 * SLOT);
      await upload.write(first);
      const { native } = server.server.segment;
      await until(() => (native.streams()[0]?.lanes[0]?.last ?? 0) >= 2, 'the first slot');
      await upload.write(rest);
      upload.end();
      const answer = await within(upload.answer, 'the answer');
      assert.equal(await answer.text(), tallyOf(first) + tallyOf(rest));
    },
  },
  {
    name: '1 GB goes there and back',
    places: 1,
    async run({ client, server, start }) {
      const worker = await start({ work: 'echo' });
      const upload = client.open(server, { path: '/upload/x', length: GB });
      const part = sample(MB);
      let sent = 0;
      const send = async () => {
        for (let at = 0; at < GB; at += MB) {
          part.set(Buffer.from(new Uint32Array([at / MB]).buffer));
          sent = crc32(part, sent);
          await within(upload.write(part.slice()), 'the server to take more');
        }
        upload.end();
      };
      const sending = send();
      const answer = await within(upload.answer, 'the head');
      let back = 0;
      let bytes = 0;
      for (;;) {
        const piece = await within(answer.next(), 'more of the answer');
        if (piece === undefined) break;
        back = crc32(Buffer.from(piece, 'latin1'), back);
        bytes += piece.length;
      }
      await sending;
      assert.deepEqual([bytes, back], [GB, sent]);
      const read = await worker.event('read');
      assert.deepEqual([read.bytes, Number.parseInt(read.crc32 ?? '', 16)], [GB, sent]);
    },
  },
  {
    name: 'a client that goes is told to the worker as CLIENT_GONE',
    places: 1,
    async run({ client, server, start }) {
      const worker = await start({ work: 'wait' });
      const upload = client.open(server, { path: '/upload/x' });
      await within(upload.answer, 'the head');
      await upload.write('begun');
      await worker.event('reading');
      upload.abort();
      assert.equal((await worker.event('failed')).code, 'CLIENT_GONE');
    },
  },
];
