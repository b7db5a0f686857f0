import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, type Question, Questions } from '../../../src/cli/questions.js';
import { UploadResponseError } from '../../../src/errors/index.js';

/** A channel to somebody who answers with what `work` makes of the question. */
function asking(work: (about: unknown) => unknown): Questions {
  const questions = new Questions(({ id, about }: Question) => {
    void answer(id, () => work(about)).then((reply) => {
      questions.take(JSON.parse(JSON.stringify(reply)));
    });
  });
  return questions;
}

test('answers find their questions, in whatever order they come', async () => {
  const waiting: (() => void)[] = [];
  const questions = asking(async (about) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return `to ${about}`;
  });
  const both = [questions.ask('one', 10_000), questions.ask('two', 10_000)];
  for (const go of waiting.reverse()) go();
  assert.deepEqual(await Promise.all(both), ['to one', 'to two']);
});

test('an error comes back as it was', async () => {
  const questions = asking((about) => {
    if (about === 'known') throw new UploadResponseError('INVALID_CONFIG', 'a.b: wrong');
    throw new TypeError('of another kind');
  });
  await assert.rejects(questions.ask('known', 10_000), (error: UploadResponseError) => {
    assert.ok(error instanceof UploadResponseError);
    assert.equal(error.code, 'INVALID_CONFIG');
    assert.match(error.message, /a\.b: wrong$/);
    return true;
  });
  await assert.rejects(questions.ask('other', 10_000), { message: 'of another kind' });
});

test('who does not answer is not waited for; a late answer counts no more', async () => {
  let late = (): void => {};
  const questions = asking(
    () =>
      new Promise<void>((resolve) => {
        late = resolve;
      }),
  );
  const keepAlive = setInterval(() => {}, 1000);
  await assert.rejects(questions.ask('x', 1), /no answer in 1 ms/);
  clearInterval(keepAlive);
  late();
  await new Promise((resolve) => setImmediate(resolve));
});

test('who has gone answers nothing', async () => {
  const questions = asking(() => new Promise(() => {}));
  const asked = questions.ask('x', 10_000);
  questions.end();
  await assert.rejects(asked, /the process ended/);
});
