import type { Socket } from 'node:net';
import type { UploadResponseError } from '../../errors/index.js';
import { errorAnswer } from '../../ingress/index.js';
import { rawResponse } from './answers.js';

/** Time for the client to read why, before the connection is cut. */
const LINGER_MS = 1000;
/** What comes meanwhile is read away, so that the kernel does not reset: a head, no body. */
const LINGER_BYTES = 64 * 1024;
/** A flood of connections gets no answers. */
const MAX_LINGERING = 64;

let lingering = 0;

/** Answers a connection that nobody parses with an error, and ends it. */
export function refuseConnection(socket: Socket, error: UploadResponseError): void {
  if (lingering >= MAX_LINGERING) {
    socket.destroy();
    return;
  }
  lingering++;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => {
    lingering--;
    clearTimeout(timer);
  });
  socket.on('error', () => {});
  socket.on('data', () => {
    if (socket.bytesRead > LINGER_BYTES) socket.destroy();
  });
  socket.once('end', () => socket.destroy());
  socket.end(rawResponse(errorAnswer(error)), 'latin1');
}
