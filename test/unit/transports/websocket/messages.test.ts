import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UploadResponseError } from '../../../../src/errors/index.js';
import { errorAnswer } from '../../../../src/ingress/index.js';
import {
  endMessage,
  errorMessage,
  headMessage,
  readMessage,
} from '../../../../src/transports/websocket/messages.js';

const read = (value: unknown) => readMessage(Buffer.from(JSON.stringify(value)), 100_000);

test('what may be left out has its default', () => {
  assert.deepEqual(read({ type: 'open' }), { type: 'open', headers: [] });
  assert.deepEqual(read({ type: 'end' }), { type: 'end', trailers: [] });
  assert.deepEqual(read({ type: 'abort' }), { type: 'abort' });
});

test('anything else is BAD_MESSAGE, whatever it is', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      assert.throws(() => readMessage(Buffer.from(text), 100_000), { code: 'BAD_MESSAGE' });
    }),
  );
});

test('a message that is too large is not looked at', () => {
  const data = Buffer.from('{"type":"abort"}');
  assert.equal(readMessage(data, data.length).type, 'abort');
  assert.throws(() => readMessage(data, data.length - 1), { code: 'HEAD_TOO_LARGE' });
});

test('an error of a message does not repeat what may be large or secret in it', () => {
  const secret = 'do-not-repeat'.repeat(1000);
  assert.throws(
    () => read({ type: 'open', headers: [['authorization', 1, secret]], path: secret }),
    (error: Error) => !error.message.includes('do-not-repeat') && error.message.length < 300,
  );
});

test('the messages of the server', () => {
  const headers = [
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=\xe9'],
  ] as const;
  assert.deepEqual(JSON.parse(headMessage(200, headers)), { type: 'head', status: 200, headers });
  assert.equal(endMessage(undefined), '{"type":"end"}');
  assert.deepEqual(JSON.parse(endMessage([['x-sum', '1']])), {
    type: 'end',
    trailers: [['x-sum', '1']],
  });
  const error = new UploadResponseError('VETOED', 'no');
  const veto = { status: 451, reason: 'no' };
  assert.deepEqual(JSON.parse(errorMessage(errorAnswer(error, veto))), {
    type: 'error',
    status: 451,
    headers: [],
    error: 'VETOED',
    message: error.message,
    remedy: error.remedy,
    reason: 'no',
  });
});
