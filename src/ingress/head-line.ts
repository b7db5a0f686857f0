import type { Header } from '../protocols/hpks/index.js';
import type { ErrorAnswer } from './error-answer.js';

/** An answer's head where the protocol has none of its own: one line of JSON before the body. */
export function headLine(status: number, headers: readonly Header[]): Buffer {
  return Buffer.from(`${JSON.stringify({ status, headers })}\n`);
}

/** A whole answer that says what is wrong, with such a head. */
export function errorWithHead({ status, headers, body }: ErrorAnswer): Buffer {
  return Buffer.concat([headLine(status, headers), Buffer.from(body)]);
}
