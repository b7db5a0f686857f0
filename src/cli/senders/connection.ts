import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';
import type { SendOptions } from './sender.js';
import { readCertificate } from './source.js';

const CONNECT_TIMEOUT_MS = 10_000;

/** A TCP connection, with TLS in it or not. */
export interface Connection {
  readonly socket: Socket;
  /** Cuts it so that the server cannot take what it got for whole: a mere end would look like one. */
  reset(): void;
}

/** Rejects with the system's error, or with CONNECT_TIMEOUT. An interrupt of the user resets it. */
export async function openConnection(
  { url, insecure, caFile, signal }: SendOptions,
  secure: boolean,
  preset: number,
): Promise<Connection> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || preset);
  const ca = secure && caFile !== undefined ? { ca: readCertificate(caFile) } : {};
  const tcp = connect({ host, port, allowHalfOpen: true, noDelay: true });
  // What goes wrong is found by whoever waits.
  tcp.on('error', () => {});
  const timer = setTimeout(() => {
    tcp.destroy(Object.assign(new Error('time-out'), { code: 'CONNECT_TIMEOUT' }));
  }, CONNECT_TIMEOUT_MS);
  const reset = (): void => {
    // While it shuts down, Node.js 20 would never close it.
    if (!socket.writableEnded) tcp.resetAndDestroy();
    socket.destroy();
  };
  let socket = tcp;
  signal.addEventListener('abort', reset, { once: true });
  try {
    if (signal.aborted) throw new CliError('interrupted', EXIT_CODES.interrupted.code);
    await once(tcp, 'connect', { signal });
    if (secure) {
      const name = isIP(host) === 0 ? { servername: host } : {};
      const options = { socket: tcp, allowHalfOpen: true, rejectUnauthorized: !insecure };
      socket = connectTls({ ...options, ...ca, ...name, host });
      await once(socket, 'secureConnect', { signal });
    }
  } catch (error) {
    tcp.destroy();
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  socket.on('error', () => {});
  socket.once('close', () => signal.removeEventListener('abort', reset));
  return { socket, reset };
}

/** Resolves when the socket has room again; at once when it is closed. */
export function roomOf(socket: Socket): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
