import type { Socket, Server as TcpServer } from 'node:net';
import type { ConnectionAdmission } from '../admission/index.js';
import { fromNative, type UploadResponseError } from '../errors/index.js';

/**
 * Asks `connections` before anything else of `server` sees a connection, its TLS too. `refuse` has
 * those that may not be. Call it when everybody who listens to the server does.
 */
export function guardConnections(
  server: TcpServer,
  connections: ConnectionAdmission,
  refuse: (socket: Socket, error: UploadResponseError) => void,
): void {
  const others = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    try {
      socket.once('close', connections.connect(socket.remoteAddress ?? ''));
    } catch (error) {
      refuse(socket, fromNative(error));
      return;
    }
    for (const listener of others) listener.call(server, socket);
  });
}
