import type { NativeConnection } from './connection.js';
import type { NativeStream } from './stream.js';

const LOOK_MS = 5;
/** All clients share what the engine keeps: those that take nothing must not keep the others waiting. */
const PRESSURE_MS = 500;
const STALLED_MS = 2000;
/** Between two clients that are cut for that. */
const PAUSE_MS = 100;

/** Streams that wait until the engine has sent something: wakes them, and cuts clients that take
 *  nothing while others want to. */
export class SendPressure {
  readonly #connections: () => Iterable<NativeConnection>;
  readonly #waiting = new Set<NativeStream>();
  /** Since when the engine has no room for anybody. */
  #pressedSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(connections: () => Iterable<NativeConnection>) {
    this.#connections = connections;
  }

  /** The stream's connection has enough unsent. */
  waitForWindow(stream: NativeStream): void {
    this.#waiting.add(stream);
    this.#timer ??= setTimeout(this.#look, LOOK_MS);
  }

  /** The engine has refused bytes. */
  waitForRoom(stream: NativeStream): void {
    this.#pressedSince ??= performance.now();
    this.waitForWindow(stream);
  }

  /** The engine takes bytes again. */
  relieved(): void {
    this.#pressedSince = undefined;
    this.#wake();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    if (this.#pressedSince !== undefined && now - this.#pressedSince >= PRESSURE_MS) {
      this.#pressedSince = now - PRESSURE_MS + PAUSE_MS;
      this.#cutStalest(now);
    }
    this.#wake();
  };

  #wake(): void {
    const streams = [...this.#waiting];
    this.#waiting.clear();
    for (const stream of streams) stream.wake();
  }

  #cutStalest(now: number): void {
    let stalest: NativeConnection | undefined;
    let longest = STALLED_MS;
    for (const connection of this.#connections()) {
      if (connection.window.unsentBytes === 0) continue;
      connection.window.look(now);
      const stalled = connection.window.stalledMs(now);
      if (stalled < longest) continue;
      longest = stalled;
      stalest = connection;
    }
    stalest?.cut();
  }
}
