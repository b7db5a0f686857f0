import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { BoundAddress } from '../transport.js';
import type { Http1Config } from './config.js';

/** A server that listens, or will. */
export interface Listener {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly server: Server;
}

/** How often Node looks for heads that are late. */
const LONGEST_CHECK_MS = 1000;

/** The servers that the configuration asks for, not yet listening. Throws if a file cannot be read. */
export function createListeners(config: Http1Config, listener: RequestListener): Listener[] {
  const options: ServerOptions = {
    maxHeaderSize: config.maxHeadBytes,
    headersTimeout: config.headTimeoutMs,
    // An upload may take as long as it moves: the ingress watches its rate.
    requestTimeout: 0,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(LONGEST_CHECK_MS, config.headTimeoutMs),
    // Checked where the answer says what is wrong.
    requireHostHeader: false,
  };
  const listeners: Listener[] = [];
  const { host, port, tls } = config;
  if (config.plain) {
    listeners.push({ scheme: 'http', host, port, server: createServer(options, listener) });
  }
  if (tls) {
    const server = createTlsServer(
      {
        ...options,
        cert: readFileSync(tls.certFile),
        key: readFileSync(tls.keyFile),
        ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
        minVersion: tls.minVersion,
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: config.headTimeoutMs,
      },
      listener,
    );
    listeners.push({ scheme: 'https', host: tls.host ?? host, port: tls.port, server });
  }
  for (const { server } of listeners) {
    if (config.maxConnections > 0) server.maxConnections = config.maxConnections;
  }
  return listeners;
}

/** Binds one. Rejects with the system's error. */
export async function bind(listener: Listener): Promise<void> {
  const { server, host, port } = listener;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Where a bound listener can be reached. */
export function addressOf(listener: Listener, transport: string, path: string): BoundAddress {
  const { address, port } = listener.server.address() as AddressInfo;
  const { scheme } = listener;
  return {
    transport,
    scheme,
    host: address,
    port,
    url: `${scheme}://${reach(address)}:${port}${path}`,
  };
}

/** An address that a client on this machine can connect to. */
function reach(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}
