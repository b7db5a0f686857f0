import type { ConnectionAdmission } from '../../admission/index.js';
import type { QuicConnection } from './quic-engine.js';

/** How often is looked for connections that are idle. */
const LOOK_MS = 500;

/** Milliseconds. */
export interface IdleLimits {
  /** For its first request. */
  readonly headTimeoutMs: number;
  /** Between two requests. */
  readonly keepAliveTimeoutMs: number;
}

interface Entry {
  /** Gives its place back. */
  readonly release: () => void;
  /** When it ends if it has no request until then. */
  endAt: number;
}

/** The connections that were taken: ends those that are idle. */
export class Connections {
  readonly #open = new Map<QuicConnection, Entry>();
  readonly #admission: ConnectionAdmission;
  readonly #limits: IdleLimits;
  #timer: NodeJS.Timeout | undefined;
  #onEmpty: (() => void)[] = [];

  constructor(admission: ConnectionAdmission, limits: IdleLimits) {
    this.#admission = admission;
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  has(connection: QuicConnection): boolean {
    return this.#open.has(connection);
  }

  /** @throws UploadResponseError why it is not taken */
  enter(connection: QuicConnection): void {
    const release = this.#admission.connect(connection.peer);
    const endAt = performance.now() + this.#limits.headTimeoutMs;
    this.#open.set(connection, { release, endAt });
    this.#timer ??= setInterval(() => this.#endIdle(performance.now()), LOOK_MS);
  }

  /** The last of its requests is complete. */
  idle(connection: QuicConnection): void {
    const entry = this.#open.get(connection);
    if (entry) entry.endAt = performance.now() + this.#limits.keepAliveTimeoutMs;
  }

  leave(connection: QuicConnection): void {
    this.#open.get(connection)?.release();
    this.#open.delete(connection);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  /** Ends those that have nothing under way now. */
  endAllIdle(): void {
    this.#endIdle(Number.POSITIVE_INFINITY);
  }

  /** Resolves when none is left, or `signal` aborts. */
  empty(signal: AbortSignal): Promise<void> {
    if (this.#open.size === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #endIdle(now: number): void {
    for (const [connection, { endAt }] of this.#open) {
      if (connection.streams === 0 && now >= endAt) connection.finish();
    }
  }
}
