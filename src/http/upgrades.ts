import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { fieldsOf } from './request-fields.js';

/** A request of RFC 6455 section 4.1. HTTP/1.0 has no Upgrade (RFC 9110 section 7.8). */
export function wantsWebSocket(request: IncomingMessage): boolean {
  const { method, httpVersionMinor, headers } = request;
  return (
    method === 'GET' && httpVersionMinor > 0 && /^websocket$/i.test(headers.upgrade?.trim() ?? '')
  );
}

/**
 * Takes Node's word back that a connection is to be upgraded: its parser gets the request again, as if
 * it had not asked for that. Clients offer HTTP/2 (`h2c`) so, and go on with HTTP/1.1.
 * `parse`: Node's own listener for new connections. `rest`: what came after the head.
 */
export function parseAgain(
  request: IncomingMessage,
  socket: Socket,
  rest: Buffer,
  parse: (socket: Socket) => void,
): void {
  if (rest.length > 0) socket.unshift(rest);
  socket.unshift(Buffer.from(headWithoutUpgrade(request), 'latin1'));
  parse(socket);
}

function headWithoutUpgrade(request: IncomingMessage): string {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (const [name, value] of fieldsOf(rawHeaders)) {
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
