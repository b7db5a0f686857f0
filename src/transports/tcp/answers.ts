import type { UploadResponseError } from '../../errors/index.js';
import type { ErrorAnswer } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';

/** What stands before an answer's body where answers have a head: one line of JSON. */
export function headLine(status: number, headers: readonly Header[]): Buffer {
  return Buffer.from(`${JSON.stringify({ status, headers })}\n`);
}

/** A whole answer that says what is wrong, where answers have a head. */
export function errorWithHead({ status, headers, body }: ErrorAnswer): Buffer {
  return Buffer.concat([headLine(status, headers), Buffer.from(body)]);
}

/** The same where they have none: one line of text. */
export function errorLine({ code, message }: UploadResponseError, { status }: ErrorAnswer): Buffer {
  // A required observer words its refusal itself.
  const text = message.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
  return Buffer.from(`ERROR ${status} ${code} ${text}\n`);
}
