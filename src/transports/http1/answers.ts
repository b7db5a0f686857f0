import type { ServerResponse } from 'node:http';
import type { ErrorAnswer } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';

/** Headers as `writeHead` takes them without looking for duplicates. */
export function flat(headers: readonly Header[]): string[] {
  const list: string[] = [];
  for (const [name, value] of headers) list.push(name, value);
  return list;
}

/** Sends an error in place of the response. */
export function sendAnswer(response: ServerResponse, answer: ErrorAnswer, close: boolean): void {
  const headers = flat(answer.headers);
  if (close) headers.push('connection', 'close');
  response.writeHead(answer.status, headers);
  response.end(answer.body);
}
