import { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Admission } from '../../admission/index.js';
import { fromNative, type UploadResponseError } from '../../errors/index.js';
import { type Http2Taker, type HttpFront, reachable } from '../../http/index.js';
import type { Ingress, Logger, WaitingBudget } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import { OpenConnections } from '../open-connections.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { BodyQueue } from './body-queue.js';
import type { Http2Config } from './config.js';
import {
  Connection,
  type ConnectionHost,
  type ConnectionOptions,
  type IncomingStream,
} from './connection.js';
import { connectionOptions } from './connection-options.js';
import { Http2Exchange, type Http2Host } from './http2-exchange.js';
import { checkRequest } from './request.js';

/** What a request's upload needs of how it came in. */
interface Origin {
  readonly connection: Connection;
  readonly queue: BodyQueue;
}

/** HTTP/2, over TLS and plain. */
export class Http2Transport implements Transport, Http2Host, Http2Taker, ConnectionHost {
  readonly name = 'http2';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly lingerBytes: number;
  readonly #front: HttpFront;
  readonly #log: Logger;
  readonly #options: ConnectionOptions;
  readonly #connections = new OpenConnections<Connection>((connection) => connection.cut());
  /** Where each request that is being routed has come in. */
  readonly #routing = new WeakMap<Http2ServerRequest, Origin>();
  #sweeper: NodeJS.Timeout | undefined;

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor({ ingress, config, admission, http, log }: TransportContext<Http2Config>) {
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.lingerBytes = config.lingerBytes;
    this.#front = http;
    this.#log = log;
    this.#options = connectionOptions(config, http.limits, ingress, this.pool);
    http.takeHttp2(this);
  }

  get waiting(): WaitingBudget {
    return this.ingress.waiting;
  }

  get draining(): boolean {
    return this.#connections.draining;
  }

  withAltSvc(fields: readonly Header[], scheme: 'http' | 'https'): readonly Header[] {
    return this.#front.withAltSvc(fields, scheme);
  }

  refused(error: UploadResponseError): void {
    this.#connections.refused(error);
  }

  connection(socket: Socket): void {
    if (socket.destroyed) return;
    const connection = new Connection(socket, this.#options, this);
    this.#connections.add(connection);
    this.#sweeper ??= this.#startSweeper();
    socket.once('close', () => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#stopSweeper();
    });
    if (this.draining) connection.end();
  }

  request(connection: Connection, incoming: IncomingStream): void {
    const { stream, headers, rawHeaders, queue } = incoming;
    this.#connections.request();
    const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
    const response = new Http2ServerResponse(stream);
    this.#routing.set(request, { connection, queue });
    try {
      checkRequest(request, this.#front.limits.maxHeadBytes);
    } catch (error) {
      this.upload(request, response, fromNative(error));
      return;
    }
    this.#front.route(request, response);
  }

  misused({ socket }: Connection, error: UploadResponseError): void {
    this.refused(error);
    this.#log.warn({ peer: socket.remoteAddress, code: error.code }, error.message);
  }

  failed(code: string): void {
    this.#log.debug({ code }, 'connection failed');
  }

  upload(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    refusal?: UploadResponseError,
  ): void {
    const origin = this.#routing.get(request);
    // A request whose stream was reset while it was routed has nobody to answer.
    if (!origin || request.stream.destroyed) return;
    const { connection, queue } = origin;
    new Http2Exchange(this, connection, request, response, queue).start(refusal);
  }

  async listen(): Promise<readonly BoundAddress[]> {
    return this.#front.endpoints
      .filter(({ kind }) => kind !== 'plain')
      .map((endpoint) => {
        const scheme = endpoint.kind === 'tls' ? 'https' : 'http';
        const url = `${scheme}://${reachable(endpoint)}${this.#front.prefix}`;
        const { host, port } = endpoint;
        return { transport: this.name, scheme, host, port, url };
      });
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#connections.drain(signal, () => {
      for (const connection of this.#connections) connection.end();
    });
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  stats(): TransportStats {
    return this.#connections.stats();
  }

  #startSweeper(): NodeJS.Timeout {
    return setInterval(() => {
      const now = performance.now();
      for (const connection of this.#connections) connection.sweep(now);
    }, this.#options.sweepEveryMs);
  }

  #stopSweeper(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
