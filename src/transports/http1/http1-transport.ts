import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { UploadResponseError } from '../../errors/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { Http1Config } from './config.js';
import { Connection, parseError, tcpSocketOf } from './connection.js';
import { Http1Exchange, type Http1Host } from './http1-exchange.js';
import { addressOf, bind, createListeners, type Listener } from './listeners.js';
import { normalizeTarget } from './request.js';
import { createRoutes } from './routes.js';

/** HTTP/1.1, plain and TLS, on Fastify. */
export class Http1Transport implements Transport, Http1Host {
  readonly name = 'http1';
  readonly ingress: Ingress;
  readonly pool: number;
  readonly #config: Http1Config;
  readonly #log: Logger;
  readonly #app: FastifyInstance;
  readonly #listeners: readonly Listener[];
  /** Requests whose client waits for "100 Continue". */
  readonly #expecting = new WeakSet<IncomingMessage>();
  /** Connections, below TLS where there is TLS. */
  readonly #sockets = new Set<Socket>();
  /** Those of them that have sent a request. */
  readonly #used = new WeakSet<Socket>();
  readonly #refused: Record<string, number> = {};
  #connectionsTotal = 0;
  #requestsTotal = 0;
  #draining = false;
  #closed: Promise<void> | undefined;

  /** @throws UploadResponseError UNKNOWN_POOL, INVALID_CONFIG */
  constructor({ ingress, config, log }: TransportContext<Http1Config>) {
    this.ingress = ingress;
    this.pool = ingress.poolIndex(config.pool);
    this.#config = config;
    this.#log = log;
    this.#app = createRoutes(config.prefix, {
      upload: (request, response) => this.#upload(request, response),
      refuse: (request, response, error) => this.#upload(request, response, error),
    });
    this.#listeners = this.#createListeners();
  }

  get draining(): boolean {
    return this.#draining;
  }

  refused({ code }: UploadResponseError): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  async listen(): Promise<readonly BoundAddress[]> {
    await this.#app.ready();
    const bound: BoundAddress[] = [];
    try {
      for (const listener of this.#listeners) {
        await bind(listener);
        bound.push(addressOf(listener, this.name, this.#config.prefix));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    return bound;
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    const cut = () => {
      for (const { server } of this.#listeners) server.closeAllConnections();
    };
    const closed = this.#stopListening();
    // Node takes them for busy until their head is late.
    for (const socket of this.#sockets) if (!this.#used.has(socket)) socket.destroy();
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    await closed;
    signal.removeEventListener('abort', cut);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  stats(): TransportStats {
    return {
      connections: this.#sockets.size,
      connectionsTotal: this.#connectionsTotal,
      requestsTotal: this.#requestsTotal,
      refusedTotal: { ...this.#refused },
    };
  }

  async #close(): Promise<void> {
    this.#draining = true;
    const closed = this.#stopListening();
    for (const { server } of this.#listeners) server.closeAllConnections();
    await closed;
    await this.#app.close().catch((err) => this.#log.error({ err }, 'fastify did not close'));
  }

  async #stopListening(): Promise<void> {
    await Promise.all(
      this.#listeners.map(
        ({ server }) => new Promise<void>((resolve) => server.close(() => resolve())),
      ),
    );
  }

  #createListeners(): Listener[] {
    let listeners: Listener[];
    try {
      listeners = createListeners(this.#config, (request, response) =>
        this.#route(request, response),
      );
    } catch (cause) {
      const detail = `transports.http1.tls: ${(cause as Error).message}`;
      throw new UploadResponseError('INVALID_CONFIG', detail, { cause });
    }
    for (const { server } of listeners) {
      server.on('connection', (socket: Socket) => this.#accepted(socket));
      server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
        this.#expecting.add(request);
        this.#route(request, response);
      });
      server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
        const detail = request.headers.expect;
        this.#route(request, response, new UploadResponseError('EXPECTATION_FAILED', detail));
      });
      server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
        this.#clientError(error, socket as Socket),
      );
    }
    return listeners;
  }

  #accepted(socket: Socket): void {
    this.#connectionsTotal++;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #route(request: IncomingMessage, response: ServerResponse, refusal?: UploadResponseError): void {
    this.#requestsTotal++;
    this.#used.add(tcpSocketOf(request.socket));
    const connection = this.#connectionOf(request);
    // What comes after the last response of a connection is read away and not answered.
    if (connection.ending) return;
    connection.opened(response);
    response.once('close', () => this.#closeIdle());
    if (refusal) {
      this.#upload(request, response, refusal);
    } else {
      normalizeTarget(request);
      this.#app.routing(request, response);
    }
  }

  #upload(request: IncomingMessage, response: ServerResponse, refusal?: UploadResponseError): void {
    const connection = this.#connectionOf(request);
    const scheme = (request.socket as TLSSocket).encrypted ? 'https' : 'http';
    const expectsContinue = this.#expecting.has(request);
    const options = { scheme, expectsContinue, refusal } as const;
    connection.enqueue(new Http1Exchange(this, connection, request, response, options));
  }

  #clientError(error: NodeJS.ErrnoException, socket: Socket): void {
    const parsed = parseError(error);
    if (!parsed || error.code === 'HPE_INVALID_EOF_STATE' || socket.destroyed) {
      // Not the error itself: it carries the raw request, and with it what is secret.
      this.#log.debug({ code: error.code }, 'connection failed');
      socket.destroy();
      return;
    }
    this.refused(parsed);
    Connection.of(socket, this.#config).malformed(parsed);
  }

  #connectionOf({ socket }: IncomingMessage): Connection {
    return Connection.of(socket, this.#config);
  }

  #closeIdle(): void {
    if (!this.#draining) return;
    for (const { server } of this.#listeners) server.closeIdleConnections();
  }
}
