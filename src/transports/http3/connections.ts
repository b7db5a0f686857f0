import type { ConnectionAdmission } from '../../admission/index.js';
import type { QuicConnection } from './quic-engine.js';

/** The connections that were taken. */
export class Connections {
  /** Each with what gives its place back. */
  readonly #open = new Map<QuicConnection, () => void>();
  readonly #admission: ConnectionAdmission;
  #total = 0;
  #onEmpty: (() => void)[] = [];

  constructor(admission: ConnectionAdmission) {
    this.#admission = admission;
  }

  get size(): number {
    return this.#open.size;
  }

  get total(): number {
    return this.#total;
  }

  has(connection: QuicConnection): boolean {
    return this.#open.has(connection);
  }

  /** @throws UploadResponseError why it is not taken */
  enter(connection: QuicConnection): void {
    this.#open.set(connection, this.#admission.connect(connection.peer));
    this.#total++;
  }

  leave(connection: QuicConnection): void {
    this.#open.get(connection)?.();
    this.#open.delete(connection);
    if (this.#open.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  /** Ends those that have nothing under way. */
  finishIdle(): void {
    for (const connection of this.#open.keys()) if (connection.streams === 0) connection.finish();
  }

  /** Resolves when none is left, or `signal` aborts. */
  empty(signal: AbortSignal): Promise<void> {
    if (this.#open.size === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
