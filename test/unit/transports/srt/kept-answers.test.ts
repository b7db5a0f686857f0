import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UploadResponseError } from '../../../../src/errors/index.js';
import { KeptAnswers } from '../../../../src/transports/srt/kept-answers.js';

const KB = 1024;
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'none';
  } catch (error) {
    return (error as UploadResponseError).code;
  }
};

test('the oldest whole answers make room, those that are written do not', async () => {
  const answers = new KeptAnswers({ keepMs: 60_000, maxBytes: 64 * KB });
  const first = answers.begin('first', '/srt/a');
  first.head(200, []);
  first.push(Buffer.alloc(30 * KB));
  first.end();
  const running = answers.begin('running', '/srt/b');
  running.head(200, []);
  running.push(Buffer.alloc(20 * KB));
  const large = answers.begin('large', '/srt/c');
  large.head(200, []);
  large.push(Buffer.alloc(30 * KB));
  large.end();
  assert.equal(
    codeOf(() => answers.find('first')),
    'UNKNOWN_ANSWER',
  );
  assert.equal((await answers.find('large').whole).body.length, 30 * KB);
  running.push(Buffer.alloc(60 * KB));
  assert.equal((await answers.find('running').whole).status, 507);
  // What it had is free again.
  const next = answers.begin('next', '/srt/d');
  next.head(201, []);
  next.push(Buffer.alloc(50 * KB));
  next.end();
  assert.equal((await answers.find('next').whole).status, 201);
  answers.close();
});

test('answers without a body are bounded too', () => {
  const answers = new KeptAnswers({ keepMs: 60_000, maxBytes: 64 * KB });
  const codes = Array.from({ length: 40 }, (_, i) => codeOf(() => answers.begin(`id ${i}`, '/')));
  assert.ok(codes.includes('ANSWER_TOO_LARGE'));
  assert.ok(answers.size < 40);
  answers.close();
  assert.equal(answers.size, 0);
  assert.equal(
    codeOf(() => answers.begin('id 0', '/')),
    'none',
  );
  answers.close();
});
