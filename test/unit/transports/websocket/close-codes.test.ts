import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, UploadResponseError } from '../../../../src/errors/index.js';
import { closeCodeOf, closeReasonOf } from '../../../../src/transports/websocket/close-codes.js';

test('each class of status has its code', () => {
  for (const [status, code] of [
    [400, 1002],
    [401, 1008],
    [403, 1008],
    [404, 1008],
    [408, 1008],
    [413, 1009],
    [415, 1003],
    [422, 1008],
    [429, 1013],
    [431, 1009],
    [451, 1008],
    [499, 1008],
    [500, 1011],
    [502, 1011],
    [503, 1013],
    [504, 1011],
    [599, 1011],
  ] as const) {
    assert.equal(closeCodeOf(status), code, String(status));
  }
});

test('every error has a code that may be sent, and a reason that fits and says which it is', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const error = new UploadResponseError(code, 'a detail that goes on and on '.repeat(10));
    assert.ok([1002, 1003, 1008, 1009, 1011, 1013].includes(closeCodeOf(error.httpStatus)), code);
    const reason = closeReasonOf(error.httpStatus, error);
    assert.ok(Buffer.byteLength(reason) <= 123, reason);
    assert.ok(reason.startsWith(`${error.httpStatus} ${code}: `), reason);
  }
});

test('a reason is never cut within a character', () => {
  for (let padding = 0; padding < 8; padding++) {
    const detail = `${'x'.repeat(padding)}${'ü€😀'.repeat(40)}`;
    const reason = closeReasonOf(422, new UploadResponseError('VETOED', detail));
    assert.ok(Buffer.byteLength(reason) <= 123 && Buffer.byteLength(reason) > 119);
    assert.doesNotMatch(reason, /\ufffd/);
  }
});
