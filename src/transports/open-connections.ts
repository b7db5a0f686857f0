import type { UploadResponseError } from '../errors/index.js';
import { TransportCounters } from './counters.js';
import { Drain } from './drain.js';
import type { TransportStats } from './transport.js';

/** The open connections of a transport whose requests end with them: counts them, waits for their end. */
export class OpenConnections<Connection> implements Iterable<Connection> {
  readonly #open = new Set<Connection>();
  readonly #counters = new TransportCounters();
  readonly #drain: Drain;

  /** `cut` ends a connection at once; whoever owns it calls `delete` when it is closed. */
  constructor(cut: (connection: Connection) => void) {
    this.#drain = new Drain(
      () => this.#open.size === 0,
      () => {
        for (const connection of [...this.#open]) cut(connection);
      },
    );
  }

  /** Nothing new is taken any more. */
  get draining(): boolean {
    return this.#drain.begun;
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open.values();
  }

  add(connection: Connection): void {
    this.#counters.connected();
    this.#open.add(connection);
  }

  delete(connection: Connection): void {
    this.#open.delete(connection);
    this.#drain.left();
  }

  /** Counts a request. */
  request(): void {
    this.#counters.requested();
  }

  /** Counts a request, or a connection, that did not become a stream. */
  refused(error: UploadResponseError): void {
    this.#counters.refused(error);
  }

  /** As `Drain.run`. */
  async drain(signal: AbortSignal, finish: () => void): Promise<void> {
    await this.#drain.run(signal, finish);
  }

  /** Cuts all of them. */
  async close(): Promise<void> {
    await this.#drain.close();
  }

  stats(): TransportStats {
    return this.#counters.stats(this.#open.size);
  }
}
