import { createServer, type Server, type ServerOpts, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { ConnectionAdmission } from '../admission/index.js';
import type { UploadResponseError } from '../errors/index.js';
import {
  bind,
  guardConnections,
  type HttpConfig,
  type ReloadStep,
  reachable,
  TlsFiles,
} from '../http/index.js';
import type { BoundAddress } from './transport.js';

/** What the configuration of such a transport has. */
export interface OwnListenersConfig {
  readonly host: string;
  readonly port: number;
  readonly plain: boolean;
  readonly tls?: HttpConfig['tls'];
  readonly maxConnections: number;
}

export interface OwnListenersOptions {
  /** The transport's name. */
  readonly transport: string;
  /** Schemes of the URLs. */
  readonly schemes: { readonly plain: string; readonly tls: string };
  /** What the sockets are like that `take` is given. */
  readonly plain: ServerOpts;
  readonly secure: ServerOpts;
  readonly handshakeTimeoutMs: number;
  readonly connections: ConnectionAdmission;
  take(socket: Socket): void;
  /** Counts a connection that may not be; it is closed. */
  refused(error: UploadResponseError): void;
}

/** The TCP listeners of a transport with ports of its own: a plain one, one with TLS, or both. */
export class OwnListeners {
  readonly #options: OwnListenersOptions;
  readonly #servers: Server[] = [];
  #secure: { readonly server: Server; readonly files: TlsFiles } | undefined;

  constructor(options: OwnListenersOptions) {
    this.#options = options;
  }

  /** When the certificate expires, in seconds since 1970; undefined without TLS. */
  get certificateExpiresAt(): number | undefined {
    return this.#secure?.files.expiresAt;
  }

  /** Rejects with the system's error, or UploadResponseError INVALID_CONFIG: a file of `tls` is not what
   *  it should be. What was bound by then is left to `stop`. */
  async listen(config: OwnListenersConfig): Promise<BoundAddress[]> {
    const { host, port, plain, tls } = config;
    const { take, secure } = this.#options;
    const bound: BoundAddress[] = [];
    if (plain) {
      const server = createServer(this.#options.plain, take);
      bound.push(await this.#bind('plain', host, port, server, config));
    }
    if (tls) {
      const files = this.#read(tls);
      const handshakeTimeout = this.#options.handshakeTimeoutMs;
      const server = createTlsServer({ ...secure, ...files.serverOptions, handshakeTimeout }, take);
      // Node.js itself leaves it open.
      server.on('tlsClientError', (_error, socket) => socket.destroy());
      this.#secure = { server, files };
      bound.push(await this.#bind('tls', tls.host ?? host, tls.port, server, config));
    }
    return bound;
  }

  /** Reads the files of `tls` again; of the rest only `maxConnections` counts.
   *  @throws UploadResponseError INVALID_CONFIG; nothing has changed then */
  reload({ tls, maxConnections }: OwnListenersConfig): ReloadStep {
    const before = this.#secure;
    const files = before && tls && this.#read(tls);
    const commit = () => {
      for (const server of this.#servers) server.maxConnections = maxConnections;
      if (!before || !files) return;
      files.install(before.server);
      this.#secure = { server: before.server, files };
    };
    const same = !files || files.equals(before.files);
    return { commit, certificates: same ? [] : [files.section] };
  }

  /** Takes no new connection. Idempotent. */
  stop(): void {
    for (const server of this.#servers) if (server.listening) server.close();
  }

  async #bind(
    kind: 'plain' | 'tls',
    host: string,
    port: number,
    server: Server,
    { maxConnections }: OwnListenersConfig,
  ): Promise<BoundAddress> {
    const { transport, schemes, connections, refused } = this.#options;
    this.#servers.push(server);
    server.maxConnections = maxConnections;
    guardConnections(server, connections, (socket, error) => {
      refused(error);
      socket.destroy();
    });
    const endpoint = await bind({ kind, host, port, server });
    const scheme = schemes[kind];
    const url = `${scheme}://${reachable(endpoint)}`;
    return { transport, scheme, host: endpoint.host, port: endpoint.port, url };
  }

  #read(tls: NonNullable<HttpConfig['tls']>): TlsFiles {
    return new TlsFiles(tls, `transports.${this.#options.transport}.tls`);
  }
}
