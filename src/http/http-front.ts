import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { type Socket, Server as TcpServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ConnectionAdmission } from '../admission/index.js';
import type { UploadResponseError } from '../errors/index.js';
import type { Logger } from '../ingress/index.js';
import type { Header } from '../protocols/hpks/index.js';
import type { HttpConfig } from './config.js';
import { guardConnections } from './connection-guard.js';
import {
  bind,
  createListeners,
  type Endpoint,
  isHttp1,
  type Listener,
  limitConnections,
} from './listeners.js';
import type { ReloadStep } from './reload-step.js';
import { normalizeTarget } from './request-fields.js';
import { createRoutes, type RawRequest, type RawResponse } from './routes.js';
import { tcpSocketOf } from './tcp-socket.js';
import { TlsFiles } from './tls-files.js';
import { type UpgradeHandlers, type WebSocketTaker, watchUpgrades } from './upgrades.js';

/** Takes the HTTP/1.1 requests on the prefix, and those that are refused. */
export interface Http1Taker {
  /** A server that parses HTTP/1.1: its requests go to `HttpFront.route` when it is their turn. */
  serve(server: Server): void;
  /** A connection that speaks HTTP/1.1; one of the servers parses it. */
  connection(socket: Socket): void;
  /** `refusal`: the request is answered with this error. */
  upload(request: IncomingMessage, response: ServerResponse, refusal?: UploadResponseError): void;
  /** A plain connection that is not taken: whatever it sends is answered with this error. */
  refuse(socket: Socket, error: UploadResponseError): void;
  /** False while answers of this connection are due: nothing else can be spoken on it then. */
  isIdle(socket: Socket): boolean;
  /** An idle connection that speaks HTTP/1.1 no more. */
  leave(socket: Socket): void;
}

/** The same for HTTP/2. */
export interface Http2Taker {
  /** A connection that speaks HTTP/2, from its first byte. */
  connection(socket: Socket): void;
  upload(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    refusal?: UploadResponseError,
  ): void;
}

/** What every version of HTTP keeps to; see `httpConfigSchema`. */
export type HttpLimits = Pick<HttpConfig, 'maxHeadBytes' | 'headTimeoutMs' | 'keepAliveTimeoutMs'>;

/**
 * The TCP listeners and the routes that HTTP/1.1, HTTP/2 and WebSocket share. Transports say at their
 * creation what they take; then everything is bound at once.
 */
export class HttpFront {
  /** Routes that are no uploads are added here before `listen`. */
  readonly app: FastifyInstance;
  readonly prefix: string;
  /** While this says so, what drains leaves idle connections open: those on the other side answer
   *  requests that are under way, and could not connect again. */
  isNeeded: () => boolean = () => false;
  readonly limits: HttpLimits;
  #config: HttpConfig;
  readonly #log: Logger;
  readonly #connections: ConnectionAdmission | undefined;
  /** TLS connections before the end of their handshake. */
  readonly #shaking = new Set<Socket>();
  #http1: Http1Taker | undefined;
  #http2: Http2Taker | undefined;
  #webSocket: WebSocketTaker | undefined;
  readonly #upgrades = new WeakSet<object>();
  #listeners: readonly Listener[] = [];
  /** In force. */
  #files: TlsFiles | undefined;
  #endpoints: readonly Endpoint[] = [];
  readonly #refusedConnections: Record<string, number> = {};
  #stopped = false;
  /** Where else the same is served, in the form of an `Alt-Svc` field; undefined: nowhere. */
  altSvc: string | undefined;

  /** `connections`: says which connections are taken; all of them without it. */
  constructor(config: HttpConfig, log: Logger, connections?: ConnectionAdmission) {
    this.#config = config;
    this.#log = log;
    this.#connections = connections;
    this.prefix = config.prefix;
    this.limits = config;
    this.app = createRoutes(config.prefix, {
      upload: (request, response) => this.#upload(request, response),
      refuse: (request, response, error) => this.#refuse(request, response, error),
      isUpgrade: (request) => this.#upgrades.has(request),
    });
  }

  /** At most one transport takes each version, and says so before `prepare`. */
  takeHttp1(taker: Http1Taker): void {
    this.#http1 = taker;
  }

  takeHttp2(taker: Http2Taker): void {
    this.#http2 = taker;
  }

  /** Without a taker a request to upgrade is a request like any other. */
  takeWebSockets(taker: WebSocketTaker): void {
    this.#webSocket = taker;
  }

  /** Creates the listeners; nothing is bound yet. @throws UploadResponseError INVALID_CONFIG */
  prepare(): void {
    const http2 = this.#http2;
    this.#files = readFiles(this.#config);
    this.#listeners = createListeners(this.#config, this.#files, {
      http1: (socket) => {
        this.#shaking.delete(tcpSocketOf(socket));
        this.#http1?.connection(socket);
      },
      http2:
        http2 &&
        ((socket) => {
          this.#shaking.delete(tcpSocketOf(socket));
          http2.connection(socket);
        }),
    });
    const upgrades: UpgradeHandlers = {
      isIdle: (socket) => this.#http1?.isIdle(socket) === true,
      upgrade: (request, socket, rest) => this.#upgrade(request, socket, rest),
    };
    for (const listener of this.#listeners) {
      if (isHttp1(listener)) {
        this.#http1?.serve(listener.server);
        if (this.#webSocket) watchUpgrades(listener, upgrades);
      }
      if (listener.kind === 'tls') this.#watchHandshakes(listener);
      if (this.#connections) this.#guard(listener, this.#connections);
    }
  }

  /** The fields of a response with `Alt-Svc`, where there is another service to name. Only a client
   *  that has used TLS may believe it, and what the worker says counts more. */
  withAltSvc(fields: readonly Header[], scheme: 'http' | 'https'): readonly Header[] {
    const { altSvc } = this;
    if (altSvc === undefined || scheme === 'http') return fields;
    return fields.some(([name]) => name === 'alt-svc') ? fields : [...fields, ['alt-svc', altSvc]];
  }

  /** Host and TLS files of the configuration, for listeners that are not TCP. */
  get host(): string {
    return this.#config.host;
  }

  get tls(): HttpConfig['tls'] {
    return this.#config.tls;
  }

  /** Where it is bound; empty before `listen`. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Connections that were not taken, by error code. */
  get refusedConnections(): Readonly<Record<string, number>> {
    return { ...this.#refusedConnections };
  }

  /** When the certificate expires, in seconds since 1970; undefined without TLS. */
  get certificateExpiresAt(): number | undefined {
    return this.#files?.expiresAt;
  }

  /**
   * Reads certificates again, and what else can be changed: `maxConnections`.
   * @throws UploadResponseError INVALID_CONFIG; nothing has changed then
   */
  reload(config: HttpConfig): ReloadStep {
    const files = readFiles(config);
    const same = !files || (this.#files !== undefined && files.equals(this.#files));
    const commit = () => {
      this.#config = config;
      this.#files = files;
      limitConnections(this.#listeners, config.maxConnections);
      for (const { kind, server } of this.#listeners) if (kind === 'tls') files?.install(server);
    };
    return { commit, certificates: same ? [] : [files.section] };
  }

  /** Takes a request to its route. Its head has been read and nothing of its body. */
  route(request: RawRequest, response: RawResponse): void {
    this.app.routing(request as IncomingMessage, response as ServerResponse);
  }

  /** Answers a request, of which nothing has been read, with an error. */
  refuse(request: RawRequest, response: RawResponse, error: UploadResponseError): void {
    this.#upload(request, response, error);
  }

  /** Binds every listener, or throws and has bound none. */
  async listen(): Promise<void> {
    await this.app.ready();
    const endpoints: Endpoint[] = [];
    try {
      for (const listener of this.#listeners) endpoints.push(await bind(listener));
    } catch (error) {
      this.stopListening();
      throw error;
    }
    this.#endpoints = endpoints;
  }

  /** Takes no new connection; the transports end those that they have. Idempotent. */
  stopListening(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const { server } of this.#listeners) {
      // Not as a server of HTTP does it, which also ends the connections that are idle now.
      if (server.listening) TcpServer.prototype.close.call(server);
    }
    for (const socket of this.#shaking) socket.destroy();
  }

  /** After the transports have been closed. Never throws. */
  async close(): Promise<void> {
    this.stopListening();
    for (const { server } of this.#listeners) server.close();
    await this.app.close().catch((err) => this.#log.error({ err }, 'fastify did not close'));
  }

  #watchHandshakes({ server }: Listener): void {
    server.on('connection', (socket: Socket) => {
      this.#shaking.add(socket);
      socket.once('close', () => this.#shaking.delete(socket));
    });
  }

  #guard({ kind, server }: Listener, connections: ConnectionAdmission): void {
    guardConnections(server, connections, (socket, error) => {
      this.#refusedConnections[error.code] = (this.#refusedConnections[error.code] ?? 0) + 1;
      // Below TLS, or to HTTP/2, there is nothing that could be said in one message.
      if (kind === 'plain' && this.#http1) this.#http1.refuse(socket, error);
      else socket.destroy();
    });
  }

  #upgrade(request: IncomingMessage, socket: Socket, rest: Buffer): void {
    this.#http1?.leave(socket);
    this.#upgrades.add(request);
    normalizeTarget(request);
    this.app.server.emit('upgrade', request, socket, rest);
  }

  #refuse(request: RawRequest, response: RawResponse, error: UploadResponseError): void {
    if (this.#upgrades.has(request)) {
      this.#webSocket?.refuseUpgrade(request as IncomingMessage, error);
    } else {
      this.#upload(request, response, error);
    }
  }

  #upload(request: RawRequest, response: RawResponse, refusal?: UploadResponseError): void {
    if (request.httpVersionMajor === 2) {
      this.#http2?.upload(request as Http2ServerRequest, response as Http2ServerResponse, refusal);
    } else {
      this.#http1?.upload(request as IncomingMessage, response as ServerResponse, refusal);
    }
  }
}

function readFiles({ tls }: HttpConfig): TlsFiles | undefined {
  return tls && new TlsFiles(tls, 'http.tls');
}
