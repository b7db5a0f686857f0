import type { NativeHttp3 } from './native-api.js';

/** The engine stops reading requests when so many of its events are not acknowledged, in the whole
 *  process; packets, timers and responses go on, and QUIC's flow control holds the clients back. */
const WINDOW_EVENTS = 4096;
/** The largest event. */
const EVENT_BYTES = 64 * 1024;
/** Fewer would make it stop all the time, more would be no limit. */
const LEAST_SLACK = 32;
const MOST_SLACK = 1024;
/** The engine takes five seconds without an acknowledgement for a dead JavaScript, and forgets. */
const HEARTBEAT_MS = 1000;

/** Whatever can acknowledge: the count is the process's. */
interface Acknowledger {
  ackEventBatch(count: number): void;
}

/**
 * Acknowledges the engine's events: none while too much of requests waits, and otherwise all but some.
 * Those that are kept make the window as small as what may still come after a pause. One for the
 * process, as the engine's count is.
 */
export class EventCredit {
  readonly #native: NativeHttp3;
  readonly #pausing = new Set<object>();
  #keptEvents = 0;
  #unacknowledged = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(native: NativeHttp3) {
    this.#native = native;
  }

  /** About so many bytes may come after a pause; the least that anybody has said counts. */
  limitBurst(bytes: number): void {
    const slack = Math.floor(bytes / EVENT_BYTES);
    const kept = WINDOW_EVENTS - Math.min(MOST_SLACK, Math.max(LEAST_SLACK, slack));
    this.#keptEvents = Math.max(this.#keptEvents, kept);
  }

  /** Events that are to be kept and have not come yet. */
  get missing(): number {
    return Math.max(0, this.#keptEvents - this.#unacknowledged);
  }

  /** So many events were delivered and are dealt with, of which `asides` are not of requests. True when
   *  the engine had stopped and may go on: it does not notice by itself. */
  received(count: number, acknowledger: Acknowledger, asides = 0): boolean {
    if (asides > 0) acknowledger.ackEventBatch(asides);
    this.#unacknowledged += count - asides;
    if (this.#pausing.size > 0) return false;
    const stopped = this.#unacknowledged >= WINDOW_EVENTS;
    this.#settle(acknowledger);
    return stopped;
  }

  /** Nothing is acknowledged until everybody who paused has resumed. */
  pause(who: object, acknowledger: Acknowledger): void {
    this.#pausing.add(who);
    this.#heartbeat ??= setInterval(() => acknowledger.ackEventBatch(0), HEARTBEAT_MS);
  }

  resume(who: object, acknowledger: Acknowledger): void {
    if (!this.#pausing.delete(who) || this.#pausing.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    // A process that was stopped for long has lost its credit.
    const { eventBatchOutstanding } = this.#native.runtimeTelemetry();
    this.#unacknowledged = Math.min(this.#unacknowledged, eventBatchOutstanding);
    this.#settle(acknowledger);
  }

  #settle(acknowledger: Acknowledger): void {
    const count = this.#unacknowledged - this.#keptEvents;
    if (count <= 0) return;
    this.#unacknowledged = this.#keptEvents;
    acknowledger.ackEventBatch(count);
  }
}
