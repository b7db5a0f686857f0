import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Admission, ConnectionAdmission } from '../../admission/index.js';
import type { UploadResponseError } from '../../errors/index.js';
import { bind, guardConnections, reachable, tlsServerOptions } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import { OpenConnections } from '../open-connections.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { TcpConfig } from './config.js';
import { type TcpHost, TcpUpload } from './tcp-upload.js';

/** Raw TCP and TLS, on ports of their own. */
export class TcpTransport implements Transport, TcpHost {
  readonly name = 'tcp';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly config: TcpConfig;
  readonly #guard: ConnectionAdmission;
  readonly #log: Logger;
  readonly #servers: Server[] = [];
  readonly #uploads = new OpenConnections<TcpUpload>((upload) => upload.cut());

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor({ ingress, config, admission, connections, log }: TransportContext<TcpConfig>) {
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.config = config;
    this.#guard = connections;
    this.#log = log;
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const { enabled, plain, tls, host, port } = this.config;
    if (!enabled) return [];
    const bound: BoundAddress[] = [];
    try {
      const take = (socket: Socket) => this.#accept(socket);
      if (plain) bound.push(await this.#listen('tcp', host, port, createServer(take)));
      if (tls) {
        const handshakeTimeout = this.config.firstBytesTimeoutMs;
        const secure = tlsServerOptions(tls, 'transports.tcp.tls');
        const server = createTlsServer({ ...secure, handshakeTimeout }, take);
        // Node itself leaves it open.
        server.on('tlsClientError', (_error, socket) => socket.destroy());
        bound.push(await this.#listen('tls', tls.host ?? host, tls.port, server));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    return bound;
  }

  requested(): void {
    this.#uploads.request();
  }

  refused(error: UploadResponseError): void {
    this.#uploads.refused(error);
    this.#log.debug({ transport: this.name, code: error.code }, error.message);
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#uploads.drain(signal, () => {
      this.#stopListening();
      for (const upload of [...this.#uploads]) upload.drain();
    });
  }

  async close(): Promise<void> {
    this.#stopListening();
    await this.#uploads.close();
  }

  stats(): TransportStats {
    return this.#uploads.stats();
  }

  async #listen(
    scheme: 'tcp' | 'tls',
    host: string,
    port: number,
    server: Server,
  ): Promise<BoundAddress> {
    this.#servers.push(server);
    server.maxConnections = this.config.maxConnections;
    guardConnections(server, this.#guard, (socket, error) => {
      this.refused(error);
      socket.destroy();
    });
    const kind = scheme === 'tls' ? 'tls' : 'plain';
    const endpoint = await bind({ kind, host, port, server });
    const url = `${scheme}://${reachable(endpoint)}`;
    return { transport: this.name, scheme, host: endpoint.host, port: endpoint.port, url };
  }

  #accept(socket: Socket): void {
    // Not before: who leaves within the handshake would keep its connection until the time-out.
    socket.allowHalfOpen = true;
    const upload = new TcpUpload(this, socket);
    this.#uploads.add(upload);
    socket.once('close', () => this.#uploads.delete(upload));
    // Its handshake began before the drain did.
    if (this.#uploads.draining) upload.drain();
  }

  #stopListening(): void {
    for (const server of this.#servers) if (server.listening) server.close();
  }
}
