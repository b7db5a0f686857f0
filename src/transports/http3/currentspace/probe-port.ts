import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/** Whether this UDP port can be had by one alone: rejects with the system's error where it cannot. The
 *  engine shares its port with everybody of the same user, so that it would not notice. */
export function probePort(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve()));
  });
}
