import type { UploadResponseError } from '../errors/index.js';

/** What `stats` tells: see `TransportStats`. */
export interface ConnectionStats {
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly requestsTotal: number;
  readonly refusedTotal: Readonly<Record<string, number>>;
}

/** The open connections of a transport over TCP: counts them, and waits for their end. */
export class OpenConnections<Connection> implements Iterable<Connection> {
  readonly #cut: (connection: Connection) => void;
  readonly #open = new Set<Connection>();
  readonly #refused: Record<string, number> = {};
  #connectionsTotal = 0;
  #requestsTotal = 0;
  #draining = false;
  #onEmpty: (() => void)[] = [];

  /** `cut` ends a connection at once; whoever owns it calls `delete` when it is closed. */
  constructor(cut: (connection: Connection) => void) {
    this.#cut = cut;
  }

  /** Nothing new is taken any more. */
  get draining(): boolean {
    return this.#draining;
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open.values();
  }

  add(connection: Connection): void {
    this.#connectionsTotal++;
    this.#open.add(connection);
  }

  delete(connection: Connection): void {
    this.#open.delete(connection);
    if (this.#open.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  /** Counts a request. */
  request(): void {
    this.#requestsTotal++;
  }

  /** Counts a request, or a connection, that did not become a stream. */
  refused({ code }: UploadResponseError): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  /** `finish` tells the open connections, now, to end when what runs on them has ended. Resolves when
   *  all are closed; when `signal` aborts, they are cut. */
  async drain(signal: AbortSignal, finish: () => void): Promise<void> {
    this.#draining = true;
    finish();
    const cut = () => this.#cutAll();
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    await this.#empty();
    signal.removeEventListener('abort', cut);
  }

  /** Cuts all of them. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#cutAll();
    await this.#empty();
  }

  stats(): ConnectionStats {
    return {
      connections: this.#open.size,
      connectionsTotal: this.#connectionsTotal,
      requestsTotal: this.#requestsTotal,
      refusedTotal: { ...this.#refused },
    };
  }

  #cutAll(): void {
    for (const connection of [...this.#open]) this.#cut(connection);
  }

  #empty(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }
}
