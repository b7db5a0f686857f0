import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { UploadResponseError } from '../errors/index.js';
import { type ErrorAnswer, errorAnswer } from '../ingress/index.js';

/** Time for the client to read why, before the connection is cut. */
const LINGER_MS = 1000;
/** What comes meanwhile is read away, so that the kernel does not reset: a head, no body. */
const LINGER_BYTES = 64 * 1024;
/** A flood of connections that are not taken gets no answers. */
const MAX_LINGERING = 64;

let lingering = 0;

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

/** Answers a connection that has not been taken with an error, and ends it. */
export function refuseConnection(socket: Socket, error: UploadResponseError): void {
  if (lingering >= MAX_LINGERING) {
    socket.destroy();
    return;
  }
  lingering++;
  socket.once('close', () => lingering--);
  endWithAnswer(socket, error);
}

/** Answers a connection that nobody parses with an error, and ends it. `headers`: beside those that
 *  belong to the error. */
export function endWithAnswer(
  socket: Socket,
  error: UploadResponseError,
  headers: ErrorAnswer['headers'] = [],
): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  const before = socket.bytesRead;
  socket.on('error', () => {});
  socket.on('data', () => {
    if (socket.bytesRead - before > LINGER_BYTES) socket.destroy();
  });
  socket.once('end', () => socket.destroy());
  const answer = errorAnswer(error);
  const all = { ...answer, headers: [...answer.headers, ...headers] };
  socket.end(rawResponse(all), 'latin1');
}
