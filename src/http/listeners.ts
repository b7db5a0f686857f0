import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
import type { TLSSocket } from 'node:tls';
import { hostPort } from '../protocols/address.js';
import type { HttpConfig } from './config.js';
import type { TlsFiles } from './tls-files.js';

/** One address that is listened on. */
export interface Listener {
  /** `h2c`: HTTP/2 and nothing else, without TLS. */
  readonly kind: 'plain' | 'tls' | 'h2c';
  readonly host: string;
  readonly port: number;
  readonly server: TcpServer;
}

/** A listener whose server parses HTTP/1.1. */
export interface Http1Listener extends Listener {
  readonly server: Server;
  /** Node's own listener for connections of HTTP/1.1. */
  parse(socket: Socket): void;
}

/** Where a listener is bound. */
export interface Endpoint {
  readonly kind: Listener['kind'];
  readonly host: string;
  readonly port: number;
}

/** How often Node looks for heads that are late. */
const LONGEST_CHECK_MS = 1000;

/** Takes the connections, once it is known what they speak. */
export interface ConnectionTakers {
  /** Beside the parser of its server, which has it too. */
  http1(socket: Socket): void;
  /** Undefined where nobody speaks HTTP/2: TLS does not offer it then. */
  readonly http2: ((socket: Socket) => void) | undefined;
}

/** The servers that the configuration asks for, not yet listening. `files`: those of `config.tls`. */
export function createListeners(
  config: HttpConfig,
  files: TlsFiles | undefined,
  takers: ConnectionTakers,
): Listener[] {
  const { host, port, tls, h2c } = config;
  const listeners: Listener[] = [];
  if (config.plain) {
    const server = createServer(serverOptions(config));
    const parse = ownListener(server, 'connection');
    server.on('connection', takers.http1);
    const listener: Http1Listener = { kind: 'plain', host, port, server, parse };
    listeners.push(listener);
  }
  if (tls && files) {
    const server = createTlsServer({
      ...serverOptions(config),
      ...files.serverOptions,
      ALPNProtocols: takers.http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      handshakeTimeout: config.headTimeoutMs,
    });
    const parse = ownListener(server, 'secureConnection');
    divide(server, parse, takers);
    const { port } = tls;
    const listener: Http1Listener = { kind: 'tls', host: tls.host ?? host, port, server, parse };
    listeners.push(listener);
  }
  if (h2c && takers.http2) {
    const server = createTcpServer({ noDelay: true }, takers.http2);
    listeners.push({ kind: 'h2c', host: h2c.host ?? host, port: h2c.port, server });
  }
  limitConnections(listeners, config.maxConnections);
  return listeners;
}

/** `most`: connections of each listener at once; 0: no limit. */
export function limitConnections(listeners: readonly Listener[], most: number): void {
  for (const { server } of listeners) server.maxConnections = most || Number.POSITIVE_INFINITY;
}

/** True for the listeners that have a parser of HTTP/1.1. */
export function isHttp1(listener: Listener): listener is Http1Listener {
  return listener.kind !== 'h2c';
}

/** Binds one. Rejects with the system's error. */
export async function bind(listener: Listener): Promise<Endpoint> {
  const { kind, server, host, port } = listener;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return { kind, host: bound.address, port: bound.port };
}

/** An endpoint's host and port as a client on this machine can use them in a URL. */
export function reachable({ host, port }: Omit<Endpoint, 'kind'>): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return hostPort(host, port);
}

function serverOptions(config: HttpConfig): ServerOptions {
  return {
    maxHeaderSize: config.maxHeadBytes,
    headersTimeout: config.headTimeoutMs,
    // An upload may take as long as it moves: the ingress watches its rate.
    requestTimeout: 0,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(LONGEST_CHECK_MS, config.headTimeoutMs),
    // Checked where the answer says what is wrong.
    requireHostHeader: false,
  };
}

/** What a new server itself does with a connection. */
function ownListener(
  server: Server,
  event: 'connection' | 'secureConnection',
): (socket: Socket) => void {
  const own = server.listeners(event) as ((socket: Socket) => void)[];
  return (socket) => {
    for (const listener of own) listener.call(server, socket);
  };
}

/** Keeps the connections on which the client chose HTTP/2 from the server's own parser. */
function divide(
  server: Server,
  parse: (socket: Socket) => void,
  { http1, http2 }: ConnectionTakers,
): void {
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    // A certificate that only names our authority leaves an error in OpenSSL's queue, which Node.js would
    // take for the next read's. This call empties the queue.
    if (!socket.authorized) socket.getPeerX509Certificate();
    if (http2 && socket.alpnProtocol === 'h2') {
      http2(socket);
      return;
    }
    http1(socket);
    parse(socket);
  });
}
