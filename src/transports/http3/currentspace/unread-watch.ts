import { H3Code } from '../quic-engine.js';
import type { NativeConnection } from './connection.js';

/** How often is looked while requests are not read. */
const LOOK_MS = 250;
/** What a packet has beside data, at least: the rest of the count is data, or nearly. */
const PACKET_OVERHEAD_BYTES = 60;
/** What one connection may send unread: quiche lets its own limit grow to this. */
export const CONNECTION_WINDOW_BYTES = 24 * 2 ** 20;

/**
 * Bounds what the engine itself holds of requests while nobody reads them: beyond `limitBytes` the
 * connections that hold the most are closed.
 */
export class UnreadWatch {
  readonly #limitBytes: number;
  readonly #connections: () => Iterable<NativeConnection>;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitBytes: number, connections: () => Iterable<NativeConnection>) {
    this.#limitBytes = limitBytes;
    this.#connections = connections;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const holding = [...this.#connections()]
      .map((connection) => ({ connection, bytes: unreadBytes(connection) }))
      .sort((a, b) => b.bytes - a.bytes);
    let sum = holding.reduce((total, { bytes }) => total + bytes, 0);
    for (const { connection, bytes } of holding) {
      if (sum <= this.#limitBytes) return;
      sum -= bytes;
      connection.close(H3Code.excessiveLoad);
    }
  }
}

function unreadBytes(connection: NativeConnection): number {
  const { packetsIn = 0, bytesIn = 0 } = connection.metrics() ?? {};
  const data = bytesIn - packetsIn * PACKET_OVERHEAD_BYTES - connection.deliveredBytes;
  return Math.min(CONNECTION_WINDOW_BYTES, Math.max(0, data));
}
