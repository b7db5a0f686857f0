import type { NativeHttp3 } from './native-api.js';

/** A new connection needs longer than this from its first packet to its first request. */
const VALID_MS = 0.2;
/** The close that is awaited is on its way, or it is of a server that is none of ours. */
const PATIENCE_MS = 2000;

/**
 * Says whether JavaScript knows of every connection that has ended. The engine gives the number of an
 * ended connection to the next one, and cannot tell what was meant for whom: a response that is sent
 * before its connection's end has been heard of could reach another client. One for the process, as
 * the engine's count of ended connections is.
 */
export class HandleGuard {
  readonly #native: NativeHttp3;
  #seen: number;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #behindSince: number | undefined;

  constructor(native: NativeHttp3) {
    this.#native = native;
    this.#seen = native.runtimeTelemetry().h3ServerSessionsClosed;
  }

  /** The end of a connection was dealt with. */
  sawClose(): void {
    this.#seen++;
  }

  /** False: events are on their way that must be dealt with before anything is sent. */
  isCurrent(): boolean {
    const now = performance.now();
    if (now - this.#checkedAt < VALID_MS) return true;
    const { h3ServerSessionsClosed: closed } = this.#native.runtimeTelemetry();
    if (closed > this.#seen) {
      this.#behindSince ??= now;
      if (now - this.#behindSince < PATIENCE_MS) return false;
    }
    this.#behindSince = undefined;
    this.#seen = closed;
    this.#checkedAt = now;
    return true;
  }
}
