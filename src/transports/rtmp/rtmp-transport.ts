import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Admission, ConnectionAdmission } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import { bind, guardConnections, reachable, tlsServerOptions } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { RtmpReceiver } from '../../ring/index.js';
import { TransportCounters } from '../counters.js';
import { Drain } from '../drain.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import { AdobeAuth } from './adobe-auth.js';
import type { RtmpConfig } from './config.js';
import { EngineSockets } from './engine-sockets.js';
import { GracePeriod, isSame } from './grace.js';
import type { Publication } from './publication.js';
import { type ConnectionHost, RtmpConnection } from './rtmp-connection.js';
import { SocketWire, type Wire } from './wire.js';

/** How often connections are looked at in the time in which they may be silent. */
const BEATS = 4;
/** How often media are looked at. */
const SAMPLE_MS = 1000;

/** RTMP and RTMPS, on TCP ports of their own. */
export class RtmpTransport implements Transport, ConnectionHost {
  readonly name = 'rtmp';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly maxMessageBytes: number;
  readonly publishTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly users: AdobeAuth | undefined;
  readonly multitrack: boolean;
  readonly #config: RtmpConfig;
  readonly #guard: ConnectionAdmission;
  readonly #log: Logger;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<RtmpConnection>();
  readonly #publications = new Set<Publication>();
  /** Who publishes a key, by app and key. */
  readonly #keys = new Map<string, Publication>();
  readonly #grace: GracePeriod<Publication>;
  readonly #counters = new TransportCounters();
  readonly #drain = new Drain(
    () => this.#connections.size + this.#publications.size === 0,
    () => this.#cut(),
  );
  readonly #engineSockets = new EngineSockets();
  #heart: NodeJS.Timeout | undefined;
  #sampler: NodeJS.Timeout | undefined;

  /** @throws UploadResponseError UNKNOWN_POOL; INVALID_CONFIG: a file of `tls` is not what it should be */
  constructor(context: TransportContext<RtmpConfig>) {
    const { ingress, config, admission, connections, log } = context;
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.maxMessageBytes = config.maxMessageBytes;
    this.publishTimeoutMs = config.publishTimeoutMs;
    this.idleTimeoutMs = config.idleTimeoutMs;
    this.users = config.users.length === 0 ? undefined : new AdobeAuth(config.users);
    this.multitrack = config.multitrack;
    this.#config = config;
    this.#grace = new GracePeriod(config.graceMs, (publication) => publication.expired());
    this.#guard = connections;
    this.#log = log;
  }

  get draining(): boolean {
    return this.#drain.begun;
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const { enabled, plain, tls, host, port, idleTimeoutMs } = this.#config;
    if (!enabled) return [];
    const bound: BoundAddress[] = [];
    const add = async (scheme: 'rtmp' | 'rtmps', wanted: number, server: Server) => {
      this.#servers.push(server);
      server.maxConnections = this.#config.maxConnections;
      guardConnections(server, this.#guard, (socket, error) => {
        this.refused(error);
        socket.destroy();
      });
      const secure = scheme === 'rtmps';
      const address = { host: (secure ? tls?.host : undefined) ?? host, port: wanted };
      const endpoint = await bind({ kind: secure ? 'tls' : 'plain', ...address, server });
      const url = `${scheme}://${reachable(endpoint)}`;
      bound.push({ transport: this.name, scheme, host: endpoint.host, port: endpoint.port, url });
    };
    try {
      const take = (socket: Socket) => this.#accept(socket);
      if (plain) this.#engineSockets.start();
      if (plain) await add('rtmp', port, createServer({ pauseOnConnect: true }, take));
      if (tls) await add('rtmps', tls.port, secureServer(tls, this.publishTimeoutMs, take));
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#heart = setInterval(() => {
      const now = performance.now();
      for (const connection of [...this.#connections]) connection.beat(now);
    }, idleTimeoutMs / BEATS);
    this.#heart.unref();
    this.#sampler = setInterval(() => {
      for (const publication of this.#publications) publication.sample();
    }, SAMPLE_MS);
    this.#sampler.unref();
    return bound;
  }

  wireOf(socket: Socket, receiver: RtmpReceiver, serve: () => void): Wire {
    return 'encrypted' in socket
      ? new SocketWire(socket, receiver, serve)
      : this.#engineSockets.take(socket, receiver, serve);
  }

  claimKey(publication: Publication): Publication | undefined {
    const key = keyOf(publication);
    const before = this.#keys.get(key);
    const waits = before !== undefined && this.#grace.has(before);
    const mayTake = waits || this.#config.secondPublisher === 'takeover';
    if (before && mayTake && this.#continues(publication, before)) {
      this.#grace.end(before);
      this.#log.info({ transport: this.name }, 'a publisher has come back');
      return before;
    }
    if (before && this.#config.secondPublisher === 'refuse') {
      throw new UploadResponseError('STREAM_KEY_BUSY');
    }
    this.#keys.set(key, publication);
    before?.takenOver();
    return undefined;
  }

  keep(publication: Publication): boolean {
    return !this.draining && this.#grace.wait(publication);
  }

  opened(publication: Publication): void {
    this.#counters.requested();
    this.#publications.add(publication);
  }

  over(publication: Publication): void {
    this.#grace.end(publication);
    this.#publications.delete(publication);
    this.#freeKey(publication);
    this.#drain.left();
  }

  /** A publisher that has said its last word makes room for the next one, whatever its worker does. */
  unpublished(publication: Publication): void {
    this.#freeKey(publication);
  }

  refused(error: UploadResponseError): void {
    this.#counters.refused(error);
    this.#log.debug({ transport: this.name, code: error.code }, error.message);
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#drain.run(signal, () => {
      this.#stopListening();
      for (const { session } of [...this.#connections]) session.drain();
      this.#grace.expireAll();
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#heart);
    clearInterval(this.#sampler);
    this.#stopListening();
    await this.#drain.close();
    this.#engineSockets.close();
  }

  stats(): TransportStats {
    return this.#counters.stats(this.#connections.size);
  }

  #accept(socket: Socket): void {
    this.#counters.connected();
    const connection = new RtmpConnection(this, socket);
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      this.#drain.left();
    });
  }

  #continues({ identity }: Publication, before: Publication): boolean {
    if (!this.#grace.isOn || !before.canGoOn || !identity || !before.identity) return false;
    return isSame(identity, before.identity);
  }

  #freeKey(publication: Publication): void {
    const key = keyOf(publication);
    if (this.#keys.get(key) === publication) this.#keys.delete(key);
  }

  #stopListening(): void {
    for (const server of this.#servers) if (server.listening) server.close();
  }

  #cut(): void {
    for (const publication of [...this.#publications]) publication.cut();
    for (const { socket } of [...this.#connections]) socket.destroy();
  }
}

function keyOf({ target: { app, key } }: Publication): string {
  return JSON.stringify([app, key]);
}

function secureServer(
  tls: NonNullable<RtmpConfig['tls']>,
  handshakeTimeout: number,
  take: (socket: Socket) => void,
): Server {
  const options = { ...tlsServerOptions(tls, 'transports.rtmp.tls'), handshakeTimeout };
  // Node.js itself leaves it open.
  return createTlsServer(options, take).on('tlsClientError', (_error, socket) => socket.destroy());
}
