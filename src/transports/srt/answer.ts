import type { Header } from '../../protocols/hpks/index.js';

/** What stands before the answer's body: one line of JSON. */
export function headLine(status: number, headers: readonly Header[]): Buffer {
  return Buffer.from(`${JSON.stringify({ status, headers })}\n`);
}
