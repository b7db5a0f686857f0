import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { UploadResponseError } from '../errors/index.js';
import type { Http1Listener } from './listeners.js';
import { fieldsOf } from './request-fields.js';
import { tcpSocketOf } from './tcp-socket.js';

/**
 * Takes the requests that make a WebSocket of their connection. They go to the routes that have
 * `WEBSOCKET_ONLY` among their constraints, through the `upgrade` event of the routes' own server.
 */
export interface WebSocketTaker {
  /** The request is answered with this error, and its connection ends. */
  refuseUpgrade(request: IncomingMessage, error: UploadResponseError): void;
}

/** What becomes of requests to upgrade. */
export interface UpgradeHandlers {
  /** No answer is due on this connection. */
  isIdle(socket: Socket): boolean;
  /** A request for a WebSocket; `rest`: what came after its head. */
  upgrade(request: IncomingMessage, socket: Socket, rest: Buffer): void;
}

/** Once somebody listens for them, Node gives every request with an Upgrade field away. */
export function watchUpgrades({ server, parse }: Http1Listener, handlers: UpgradeHandlers): void {
  server.on('upgrade', (request: IncomingMessage, socket: Socket, rest: Buffer) => {
    if (!handlers.isIdle(socket)) {
      // Its answer would stand before those that are due.
      tcpSocketOf(socket).resetAndDestroy();
      socket.destroy();
    } else if (wantsWebSocket(request)) {
      handlers.upgrade(request, socket, rest);
    } else {
      parseAgain(request, socket, rest, parse);
    }
  });
}

/** A request of RFC 6455 section 4.1. HTTP/1.0 has no Upgrade (RFC 9110 section 7.8). */
function wantsWebSocket(request: IncomingMessage): boolean {
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
function parseAgain(
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
