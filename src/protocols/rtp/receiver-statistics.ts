import type { ReportBlock } from './rtcp.js';
import { distance } from './sequence.js';

/** What 24 bits hold, signed. */
const MAX_LOST = 0x7fffff;

/** Statistics of one source as its receiver sees it: RFC 3550 A.3 (loss) and A.8 (jitter). */
export class ReceiverStatistics {
  #received = 0;
  #base: number | undefined;
  #highest = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  #transit: number | undefined;
  #jitter = 0;
  #report: { readonly middle: number; readonly atMs: number } | undefined;

  constructor(readonly clockRate: number) {}

  /** Packets that should have come and did not; below 0 when there are more duplicates. */
  get lost(): number {
    return this.#expected - this.#received;
  }

  /** In milliseconds. */
  get jitterMs(): number {
    return (this.#jitter / this.clockRate) * 1000;
  }

  /** A packet has come; `extended` is its sequence number without wraps, `timestamp` its 32 bits. */
  onPacket(extended: number, timestamp: number, nowMs: number): void {
    this.#base ??= extended;
    if (this.#received === 0 || extended > this.#highest) this.#highest = extended;
    if (extended < this.#base) this.#base = extended;
    this.#received++;
    const arrival = Math.round((nowMs / 1000) * this.clockRate);
    const transit = distance(timestamp, arrival, 32);
    if (this.#transit !== undefined) {
      const difference = Math.abs(distance(this.#transit, transit, 32));
      this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  /** The source has begun again: what was before does not count any more. */
  restart(): void {
    this.#received = 0;
    this.#base = undefined;
    this.#expectedPrior = 0;
    this.#receivedPrior = 0;
    this.#transit = undefined;
  }

  onSenderReport(ntpMiddle: number, nowMs: number): void {
    this.#report = { middle: ntpMiddle, atMs: nowMs };
  }

  /** The block for the next report; the interval of `fractionLost` begins anew. */
  report(ssrc: number, nowMs: number): ReportBlock {
    const expected = this.#expected;
    const expectedInterval = expected - this.#expectedPrior;
    const lostInterval = expectedInterval - (this.#received - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = this.#received;
    const isLost = expectedInterval > 0 && lostInterval > 0;
    const fraction = isLost ? Math.floor((lostInterval * 256) / expectedInterval) : 0;
    const delayMs = this.#report ? Math.max(0, nowMs - this.#report.atMs) : 0;
    return {
      ssrc,
      fractionLost: Math.min(255, fraction),
      cumulativeLost: Math.max(-MAX_LOST - 1, Math.min(MAX_LOST, this.lost)),
      highestSequence: this.#highest % 2 ** 32,
      jitter: Math.min(0xffffffff, Math.floor(this.#jitter)),
      lastReport: this.#report?.middle ?? 0,
      delay: Math.min(0xffffffff, Math.round((delayMs / 1000) * 65_536)),
    };
  }

  get #expected(): number {
    return this.#base === undefined ? 0 : this.#highest - this.#base + 1;
  }
}
