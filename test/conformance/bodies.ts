import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { within } from '../support/until.js';
import type { Scenario } from './client.js';
import { post, SLOT, sample, sha256 } from './tools.js';

interface HashAnswer {
  readonly bytes: number;
  readonly sha256: string;
  readonly trailers: readonly (readonly [string, string])[];
}

const SIZES: readonly (readonly [string, number])[] = [
  ['0 B', 0],
  ['1 B', 1],
  ['a slot less 1 B', SLOT - 1],
  ['one slot', SLOT],
  ['a slot and 1 B', SLOT + 1],
  ['a lane and 1 B', 8 * SLOT + 1],
];

const bodyOf = (name: string, size: number, declared: boolean): Scenario => ({
  name: `a body of ${name}${declared ? ', declared,' : ''} arrives as it was sent`,
  async run(client, server) {
    const body = sample(size);
    const options = { path: '/upload/hash', length: declared ? size : undefined };
    const answer = await post(client, server, options, body);
    assert.equal(answer.status, 200);
    const seen = JSON.parse(await answer.text()) as HashAnswer;
    assert.deepEqual([seen.bytes, seen.sha256], [size, sha256(body)]);
  },
});

const MB = 2 ** 20;

const largeBody = (name: string, size: number, declared: boolean): Scenario => ({
  name: `a body of ${name}${declared ? ', declared,' : ''} arrives as it was sent`,
  async run(client, server) {
    const length = declared ? size : undefined;
    const upload = client.open(server, { path: '/upload/hash', length });
    const parts = [sample(MB), sample(MB + 1).subarray(1)] as const;
    const hash = createHash('sha256');
    for (let sent = 0; sent < size; sent += MB) {
      // A client may mask or encrypt a part in place until `write` has resolved, not later.
      const part = Buffer.from(parts[(sent / MB) % 2] as Uint8Array);
      part.writeUInt32LE(sent / MB);
      hash.update(part);
      await within(upload.write(part), 'the server to take more');
    }
    upload.end();
    const answer = await within(upload.answer, 'an answer');
    const seen = JSON.parse(await answer.text()) as HashAnswer;
    assert.deepEqual([seen.bytes, seen.sha256], [size, hash.digest('hex')]);
  },
});

/** Bodies of every size that is special to the ring, in both directions. */
export const bodies: readonly Scenario[] = [
  ...SIZES.flatMap(([name, size]) => [bodyOf(name, size, false), bodyOf(name, size, true)]),
  largeBody('100 MB', 100 * MB, false),
  largeBody('100 MB', 100 * MB, true),
  largeBody('1 GB', 1024 * MB, true),
  {
    name: 'many small writes arrive without being held back',
    async run(client, server) {
      const upload = client.open(server, { path: '/upload/echo' });
      const answer = await within(upload.answer, 'the head');
      for (let i = 0; i < 50; i++) {
        await upload.write(`${i};`);
        assert.equal(await within(answer.next(), 'the echo'), `${i};`);
      }
      upload.end();
      assert.equal(await answer.next(), undefined);
    },
  },
  {
    name: 'a body comes back as it was sent while it is sent',
    async run(client, server) {
      const body = sample(40 * SLOT + 7);
      const upload = client.open(server, { path: '/upload/echo' });
      const sent = upload.write(body).then(() => upload.end());
      const answer = await within(upload.answer, 'the head');
      assert.equal(answer.headers['x-echo'], 'yes');
      const back = Buffer.from(await within(answer.text(), 'the body'), 'latin1');
      await sent;
      assert.equal(sha256(back), sha256(body));
    },
  },
  {
    name: 'a body passes through a full lane at the pace of a slow worker',
    async run(client, server) {
      const body = sample(60 * SLOT);
      const answer = await post(client, server, { path: '/upload/slow?ms=2' }, body);
      const seen = JSON.parse(await answer.text()) as HashAnswer;
      assert.equal(seen.sha256, sha256(body));
    },
  },
  {
    name: 'a response of many slots comes whole',
    async run(client, server) {
      const n = 5_000_001;
      const answer = await post(client, server, { path: `/upload/bytes?n=${n}` });
      assert.equal((await answer.text()).length, n);
    },
  },
  {
    name: 'eight uploads at once do not mix',
    async run(client, server) {
      const answers = Array.from({ length: 8 }, async (_, i) => {
        const body = sample(3 * SLOT + i);
        const answer = await post(client, server, { path: '/upload/hash' }, body);
        assert.equal((JSON.parse(await answer.text()) as HashAnswer).sha256, sha256(body));
      });
      await Promise.all(answers);
    },
  },
];
