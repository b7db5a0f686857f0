import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Admission } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import {
  type Http1Taker,
  type HttpFront,
  normalizeTarget,
  reachable,
  refuseConnection,
} from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import { OpenConnections } from '../open-connections.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { Http1Config } from './config.js';
import { Connection, parseError } from './connection.js';
import { Http1Exchange, type Http1Host } from './http1-exchange.js';

/** HTTP/1.1, plain and TLS. */
export class Http1Transport implements Transport, Http1Host, Http1Taker {
  readonly name = 'http1';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly #config: Http1Config;
  readonly #front: HttpFront;
  readonly #log: Logger;
  readonly #servers: Server[] = [];
  /** Requests whose client waits for "100 Continue". */
  readonly #expecting = new WeakSet<IncomingMessage>();
  readonly #sockets = new OpenConnections<Socket>((socket) => socket.destroy());
  /** Those of them that have sent a request. */
  readonly #used = new WeakSet<Socket>();

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor({ ingress, config, admission, http, log }: TransportContext<Http1Config>) {
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.#config = config;
    this.#front = http;
    this.#log = log;
    http.takeHttp1(this);
  }

  get draining(): boolean {
    return this.#sockets.draining;
  }

  withAltSvc(fields: readonly Header[], scheme: 'http' | 'https'): readonly Header[] {
    return this.#front.withAltSvc(fields, scheme);
  }

  refused(error: UploadResponseError): void {
    this.#sockets.refused(error);
  }

  serve(server: Server): void {
    this.#servers.push(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#route(request, response),
    );
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

  connection(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.leave(socket));
  }

  isIdle(socket: Socket): boolean {
    return Connection.of(socket, this.#config).idle;
  }

  leave(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  refuse(socket: Socket, error: UploadResponseError): void {
    this.refused(error);
    refuseConnection(socket, error);
  }

  upload(request: IncomingMessage, response: ServerResponse, refusal?: UploadResponseError): void {
    const connection = this.#connectionOf(request);
    const scheme = (request.socket as TLSSocket).encrypted ? 'https' : 'http';
    const expectsContinue = this.#expecting.has(request);
    const options = { scheme, expectsContinue, refusal } as const;
    connection.enqueue(new Http1Exchange(this, connection, request, response, options));
  }

  async listen(): Promise<readonly BoundAddress[]> {
    return this.#front.endpoints
      .filter(({ kind }) => kind !== 'h2c')
      .map((endpoint) => {
        const scheme = endpoint.kind === 'tls' ? 'https' : 'http';
        const url = `${scheme}://${reachable(endpoint)}${this.#front.prefix}`;
        const { host, port } = endpoint;
        return { transport: this.name, scheme, host, port, url };
      });
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#sockets.drain(signal, () => {
      this.#closeIdle();
      // Node takes them for busy until their head is late.
      for (const socket of this.#sockets) if (!this.#used.has(socket)) socket.destroy();
    });
  }

  async close(): Promise<void> {
    await this.#sockets.close();
  }

  stats(): TransportStats {
    return this.#sockets.stats();
  }

  #route(request: IncomingMessage, response: ServerResponse, refusal?: UploadResponseError): void {
    this.#sockets.request();
    this.#used.add(request.socket);
    const connection = this.#connectionOf(request);
    // What comes after the last response of a connection is read away and not answered.
    if (connection.ending) return;
    connection.opened(response);
    response.once('close', () => this.#closeIdle());
    if (refusal) {
      this.upload(request, response, refusal);
    } else {
      normalizeTarget(request);
      this.#front.route(request, response);
    }
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
    if (!this.draining || this.#front.isNeeded()) return;
    for (const server of this.#servers) server.closeIdleConnections();
  }
}
