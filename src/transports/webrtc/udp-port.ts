import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

/** Rejects with the system's error where the port cannot be had: the engine would find out at the first
 *  session. */
export async function expectFreePort(port: number, address?: string): Promise<void> {
  const socket = createSocket(address !== undefined && isIPv6(address) ? 'udp6' : 'udp4');
  try {
    socket.bind({ port, exclusive: true, ...(address !== undefined && { address }) });
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}
