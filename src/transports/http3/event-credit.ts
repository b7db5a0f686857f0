import type { NativeHttp3 } from './native-api.js';

/** The engine stops reading requests when so many of its events are not acknowledged, in the whole
 *  process; packets, timers and responses go on, and QUIC's flow control holds the clients back. */
const WINDOW_EVENTS = 4096;
/** What may still come after a pause: events have at most 64 KB. */
const SLACK_EVENTS = 256;
/** Events that are never acknowledged, so that the window is as small as the slack. */
export const KEPT_EVENTS = WINDOW_EVENTS - SLACK_EVENTS;
/** The engine takes five seconds without an acknowledgement for a dead JavaScript, and forgets. */
const HEARTBEAT_MS = 1000;

/** Whatever can acknowledge: the count is the process's. */
interface Acknowledger {
  ackEventBatch(count: number): void;
}

/**
 * Acknowledges the engine's events, and holds acknowledgements back while too much of requests waits.
 * One for the process, as the engine's count is.
 */
export class EventCredit {
  readonly #native: NativeHttp3;
  readonly #pausing = new Set<object>();
  #unacknowledged = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(native: NativeHttp3) {
    this.#native = native;
  }

  /** Events that are to be kept and have not come yet. */
  get missing(): number {
    return Math.max(0, KEPT_EVENTS - this.#unacknowledged);
  }

  /** So many events were delivered and are dealt with. */
  received(count: number, acknowledger: Acknowledger): void {
    this.#unacknowledged += count;
    if (this.#pausing.size === 0) this.#settle(acknowledger);
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
    const count = this.#unacknowledged - KEPT_EVENTS;
    if (count <= 0) return;
    this.#unacknowledged = KEPT_EVENTS;
    acknowledger.ackEventBatch(count);
  }
}
