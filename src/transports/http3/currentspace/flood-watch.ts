import type { NativeConnection } from './connection.js';

const LOOK_MS = 500;
/** More of them in that time are no news. */
const FLOOD_EVENTS = 500;
const SILENT_MS = 2000;

interface Count {
  drains: number;
  packetsIn: number;
  silentSince: number;
}

/**
 * Cuts clients that have vanished while something was on its way to them. The engine then says again and
 * again that there is room, as fast as it can, until the connection has timed out: its thread does nothing
 * else, and neither does JavaScript.
 */
export class FloodWatch {
  readonly #counts = new Map<NativeConnection, Count>();
  #timer: NodeJS.Timeout | undefined;

  /** The engine says that a stream of the connection has room. */
  drained(connection: NativeConnection): void {
    const count = this.#counts.get(connection);
    if (count) {
      count.drains++;
      return;
    }
    this.#counts.set(connection, { drains: 1, packetsIn: -1, silentSince: 0 });
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#counts.clear();
  }

  #look(): void {
    const now = performance.now();
    for (const [connection, count] of this.#counts) {
      if (count.drains < FLOOD_EVENTS || connection.over) {
        this.#counts.delete(connection);
        continue;
      }
      count.drains = 0;
      const packetsIn = connection.metrics()?.packetsIn ?? 0;
      if (packetsIn !== count.packetsIn) {
        count.packetsIn = packetsIn;
        count.silentSince = now;
      } else if (now - count.silentSince >= SILENT_MS) {
        this.#counts.delete(connection);
        connection.cut();
      }
    }
    if (this.#counts.size === 0) this.close();
  }
}
