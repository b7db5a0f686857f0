import { type ServerResponse, STATUS_CODES } from 'node:http';
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

/** A whole response as text, where there is no request that Node could answer. */
export function rawResponse({ status, headers, body }: ErrorAnswer): string {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `date: ${new Date().toUTCString()}`,
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
