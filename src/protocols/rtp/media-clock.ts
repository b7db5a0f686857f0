import { distance, Unwrapper } from './sequence.js';

/** A sender report that would move a track by more than this is not believed: arrival is never so wrong. */
const MAX_CORRECTION_MS = 10_000;
/** Tracks that differ by less play together: below what anybody notices, and above the reports' noise. */
const TOLERANCE_MS = 15;

/**
 * The times of one track, in milliseconds of the session. The time of its first packet is that of its
 * arrival, until `alignTracks` knows better.
 */
export class TrackClock {
  readonly #timestamps = new Unwrapper(32);
  #origin: number | undefined;
  #last = 0;
  #originMs = 0;
  #latestMs = Number.NEGATIVE_INFINITY;
  /** The sender's clock at `#origin`. */
  #originNtpMs: number | undefined;

  /** `earliestMs`: no time lies before it. */
  constructor(
    readonly clockRate: number,
    readonly earliestMs = Number.NEGATIVE_INFINITY,
  ) {
    this.#latestMs = earliestMs;
  }

  /** The latest time so far, or the earliest one that there may be. */
  get latestMs(): number {
    return this.#latestMs;
  }

  /** The time of a 32-bit time stamp; the first one is that of a packet that came at `nowMs`. */
  timeOf(timestamp: number, nowMs: number): number {
    const extended = this.#timestamps.unwrap(timestamp);
    if (this.#origin === undefined) {
      this.#origin = extended;
      this.#originMs = Math.max(nowMs, this.#latestMs);
    }
    this.#last = extended;
    const timeMs = Math.max(this.#originMs + this.#toMs(extended - this.#origin), this.earliestMs);
    this.#latestMs = Math.max(timeMs, this.#latestMs);
    return timeMs;
  }

  /** Both clocks of the sender at one time. 0: it has no clock (RFC 3550 section 6.4.1). */
  onSenderReport(ntpMs: number, rtpTimestamp: number): void {
    if (this.#origin === undefined || ntpMs === 0) return;
    const extended = this.#last + distance(this.#last, rtpTimestamp, 32);
    this.#originNtpMs = ntpMs - this.#toMs(extended - this.#origin);
  }

  /** Another source takes the track over; the time of its first packet is that of its arrival, or the
   *  latest one so far. */
  restart(): void {
    this.#origin = undefined;
    this.#originNtpMs = undefined;
  }

  /** How far the session's clock is ahead of the sender's; undefined before its first report. */
  get leadMs(): number | undefined {
    return this.#originNtpMs === undefined ? undefined : this.#originMs - this.#originNtpMs;
  }

  /** @internal Times from now on are later. */
  delay(byMs: number): void {
    this.#originMs += byMs;
  }

  #toMs(units: number): number {
    return (units / this.clockRate) * 1000;
  }
}

/**
 * Makes what was recorded at the same time have the same time, by the sender reports of the tracks. Times
 * only move forward: the track that is early is delayed.
 */
export function alignTracks(clocks: readonly TrackClock[]): void {
  const leads = clocks.flatMap(({ leadMs }) => (leadMs === undefined ? [] : [leadMs]));
  const lead = Math.max(...leads);
  for (const clock of clocks) {
    const behind = clock.leadMs === undefined ? 0 : lead - clock.leadMs;
    if (behind > TOLERANCE_MS && behind < MAX_CORRECTION_MS) clock.delay(behind);
  }
}
