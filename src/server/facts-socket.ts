import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger, StreamFacts } from '../ingress/index.js';
import type { Segment } from '../ring/index.js';
import { factsSocketPath, MAX_SOCKET_PATH_BYTES } from '../ring/socket-path.js';

/** Monitors, each of which asks once. */
const MAX_CONNECTIONS = 64;
/** For a monitor that does not read. */
const TIMEOUT_MS = 10_000;

/**
 * A unix socket beside the control socket: who connects gets what this process knows of its streams, as
 * one JSON object, and the end. It is for monitors, which see everything else in the segment; a server
 * without it works, and they show less.
 */
export class FactsSocket {
  readonly #server: Server;
  readonly #path: string;
  readonly #open = new Set<Socket>();
  readonly #log: Logger;

  /** `socket`: the control socket. */
  constructor(
    socket: string,
    segment: Segment,
    facts: () => ReadonlyMap<number, StreamFacts>,
    log: Logger,
  ) {
    this.#path = factsSocketPath(socket, segment.worker);
    this.#log = log;
    const { bootId } = segment.description;
    this.#server = createServer((connection) => {
      this.#open.add(connection);
      connection.on('error', () => {}).once('close', () => this.#open.delete(connection));
      connection.setTimeout(TIMEOUT_MS, () => connection.destroy());
      connection.resume();
      connection.end(JSON.stringify({ bootId, streams: Object.fromEntries(facts()) }));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Never rejects. */
  async listen(): Promise<void> {
    try {
      if (Buffer.byteLength(this.#path) > MAX_SOCKET_PATH_BYTES) {
        throw new Error('its path is too long');
      }
      // Of a process that was killed in this row: nobody else may have it while this one lives.
      rmSync(this.#path, { force: true });
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        // Not by way of the cluster's primary: it is this process's alone.
        this.#server.listen({ path: this.#path, exclusive: true }, () => resolve());
      });
      chmodSync(this.#path, 0o600);
      this.#server.on('error', () => {}).unref();
    } catch (error) {
      const { message } = error as Error;
      this.#log.warn({ path: this.#path, error: message }, 'inspect and top show no media facts');
    }
  }

  /** Idempotent, never throws. */
  async close(): Promise<void> {
    for (const connection of this.#open) connection.destroy();
    if (!this.#server.listening) return;
    // Its file goes with it.
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
