import type { UploadResponseError } from '../../errors/index.js';
import type { ErrorAnswer } from '../../ingress/index.js';

/** What is wrong, as one line of text, where answers have no head. */
export function errorLine({ code, message }: UploadResponseError, { status }: ErrorAnswer): Buffer {
  // A required observer words its refusal itself.
  const text = message.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
  return Buffer.from(`ERROR ${status} ${code} ${text}\n`);
}
