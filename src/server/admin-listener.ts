import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { AdminConfig } from '../config/admin-schema.js';
import { reachable } from '../http/index.js';
import type { Operations } from './operations.js';
import { addOperationsRoutes } from './operations-routes.js';

/** Where health, readiness and metrics can be asked for. */
export interface AdminAddress {
  readonly host: string;
  readonly port: number;
  /** Without a path. */
  readonly url: string;
}

/** Scrapers and probes; a flood of connections must not take what uploads need. */
const MAX_CONNECTIONS = 64;
const TIMEOUT_MS = 10_000;

/** A listener for operations alone: it answers as long as the server lives, drained or not. */
export class AdminListener {
  readonly #app: FastifyInstance;
  readonly #host: string;
  readonly #port: number;

  constructor({ host, port }: AdminConfig & { readonly port: number }, operations: Operations) {
    this.#host = host;
    this.#port = port;
    this.#app = fastify({
      logger: false,
      forceCloseConnections: true,
      requestTimeout: TIMEOUT_MS,
      connectionTimeout: TIMEOUT_MS,
    });
    this.#app.server.maxConnections = MAX_CONNECTIONS;
    addOperationsRoutes(this.#app, operations, 'admin');
  }

  /** Rejects with the system's error. */
  async listen(): Promise<AdminAddress> {
    await this.#app.listen({ host: this.#host, port: this.#port });
    const { address, port } = this.#app.server.address() as AddressInfo;
    return { host: address, port, url: `http://${reachable({ host: address, port })}` };
  }

  /** Idempotent, never throws. */
  async close(): Promise<void> {
    await this.#app.close().catch(() => {});
  }
}
