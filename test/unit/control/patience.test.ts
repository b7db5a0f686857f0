import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Patience } from '../../../src/control/patience.js';
import { UploadResponseError } from '../../../src/errors/index.js';

/** Settles as the signal does. */
const never = ({ signal }: Patience) =>
  new Promise<string>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });

test('a wait that is over in time has its result', async () => {
  const patience = new Patience();
  patience.allow(10_000);
  assert.equal(await patience.bounded(Promise.resolve('there')), 'there');
  patience.rest();
  assert.equal(patience.timedOut, false);
});

test('the time is over: nothing, and no error', async () => {
  for (const ms of [0, 5]) {
    const patience = new Patience();
    patience.allow(ms);
    assert.equal(await patience.bounded(never(patience)), undefined);
    assert.equal(patience.timedOut, true);
  }
});

test('another end is an error, and so is what the wait itself says', async () => {
  const patience = new Patience();
  patience.allow(10_000);
  const waiting = patience.bounded(never(patience));
  patience.end(new UploadResponseError('SHUTTING_DOWN'));
  await assert.rejects(waiting, { code: 'SHUTTING_DOWN' });
  // What comes later changes nothing.
  patience.allow(0);
  assert.equal(patience.timedOut, false);
  const other = new Patience();
  other.allow(0);
  await assert.rejects(other.bounded(Promise.reject(new Error('broken'))), /broken/);
});
