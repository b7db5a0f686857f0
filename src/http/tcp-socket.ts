import type { Socket } from 'node:net';

/** The TCP socket below a TLS socket, which alone can be reset; a TCP socket itself. */
export function tcpSocketOf(socket: Socket & { readonly _parent?: Socket | null }): Socket {
  return socket._parent ?? socket;
}
