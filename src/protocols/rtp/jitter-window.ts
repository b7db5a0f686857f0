import type { RtpPacket } from './packet.js';

export interface JitterWindowOptions {
  /** Packets held behind a gap, and packets that may be missing. Default 1024: 10 Mbit/s for a second. */
  readonly maxPackets?: number | undefined;
  /** Bytes of datagrams held. Default 8 MiB. */
  readonly maxBytes?: number | undefined;
  /** How long a missing packet is waited for. Default 500. */
  readonly maxWaitMs?: number | undefined;
  /** How long a packet may be late before it is asked for. Default 10. */
  readonly reorderMs?: number | undefined;
  /** Between asking and asking again, until round trips have been measured. Default 50. */
  readonly retryMs?: number | undefined;
}

/** Packets that did not come: `count` of them from the extended sequence number `from`. */
export interface Gap {
  readonly from: number;
  readonly count: number;
}

interface Missing {
  readonly sinceMs: number;
  askAtMs: number;
  askedAtMs: number;
  times: number;
}

/** Asking again in less would cross the answer, in more would be of no use before `maxWaitMs`. */
const MIN_RETRY_MS = 20;
const MAX_RETRY_MS = 250;
/** The interval grows with each time up to this factor. */
const MAX_BACKOFF = 4;

/**
 * Puts the packets of one source in order, says which ones to ask for again and when, and gives up those
 * that do not come in time. What it holds is bounded in packets, bytes and time. The clock is the caller's.
 *
 *     window.push(extended, packet, nowMs)
 *     for (let next = window.pull(nowMs); next; next = window.pull(nowMs)) handle(next)
 *     const sequences = window.takeNacks(nowMs, 200)
 */
export class JitterWindow {
  readonly #maxPackets: number;
  readonly #maxBytes: number;
  readonly #maxWaitMs: number;
  readonly #reorderMs: number;
  readonly #retryMs: number;
  readonly #held = new Map<number, RtpPacket>();
  /** By ascending sequence number. */
  readonly #missing = new Map<number, Missing>();
  /** Gaps that are longer than the window, from their first number to the one after their last. Nothing of
   *  them is waited for, and no memory is spent on their packets. */
  readonly #skipped = new Map<number, number>();
  #heldBytes = 0;
  #next: number | undefined;
  #highest = -1;
  #roundTripMs: number | undefined;
  duplicates = 0;
  /** Came after they had been given up. */
  late = 0;
  /** Came after they had been asked for. */
  recovered = 0;
  /** Were given up. */
  lost = 0;

  constructor(options: JitterWindowOptions = {}) {
    this.#maxPackets = options.maxPackets ?? 1024;
    this.#maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
    this.#maxWaitMs = options.maxWaitMs ?? 500;
    this.#reorderMs = options.reorderMs ?? 10;
    this.#retryMs = options.retryMs ?? 50;
  }

  get heldPackets(): number {
    return this.#held.size;
  }

  get missingPackets(): number {
    return this.#missing.size;
  }

  /** `extended` comes from a `SequenceTracker`: it is never far beyond what came before. */
  push(extended: number, packet: RtpPacket, nowMs: number): void {
    this.#next ??= extended;
    if (this.#held.has(extended)) {
      this.duplicates++;
      return;
    }
    if (extended < this.#next || this.#isSkipped(extended)) {
      this.late++;
      return;
    }
    const missing = this.#missing.get(extended);
    if (missing) this.#found(extended, missing, nowMs);
    this.#miss(Math.max(this.#highest + 1, this.#next), extended, nowMs);
    this.#highest = Math.max(this.#highest, extended);
    this.#held.set(extended, packet);
    this.#heldBytes += packet.datagramBytes;
  }

  /** The next packet in order, or the packets in its place that have been given up. */
  pull(nowMs: number): RtpPacket | Gap | undefined {
    const next = this.#next;
    if (next === undefined || next > this.#highest) return undefined;
    const packet = this.#held.get(next);
    if (!packet) return this.#giveUp(next, nowMs);
    this.#held.delete(next);
    this.#heldBytes -= packet.datagramBytes;
    this.#next = next + 1;
    return packet;
  }

  /** The extended sequence numbers to ask for now, ascending, at most `max`. They count as asked for. */
  takeNacks(nowMs: number, max: number): number[] {
    const due: number[] = [];
    for (const [sequence, missing] of this.#missing) {
      if (due.length === max) break;
      if (missing.askAtMs > nowMs) continue;
      missing.times++;
      missing.askedAtMs = nowMs;
      missing.askAtMs = nowMs + this.#interval * Math.min(missing.times, MAX_BACKOFF);
      due.push(sequence);
    }
    return due;
  }

  /** The source goes on at `extended`: take what is left out before with `pull(Infinity)`. */
  restart(extended: number): void {
    this.#held.clear();
    this.#missing.clear();
    this.#skipped.clear();
    this.#heldBytes = 0;
    this.#next = extended;
    this.#highest = extended - 1;
  }

  get #interval(): number {
    if (this.#roundTripMs === undefined) return this.#retryMs;
    return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, 1.5 * this.#roundTripMs));
  }

  #found(extended: number, missing: Missing, nowMs: number): void {
    this.#missing.delete(extended);
    if (missing.times === 0) return;
    this.recovered++;
    // Asked for more than once, it cannot be told which time was answered.
    if (missing.times > 1) return;
    const sample = nowMs - missing.askedAtMs;
    this.#roundTripMs =
      this.#roundTripMs === undefined
        ? sample
        : this.#roundTripMs + (sample - this.#roundTripMs) / 8;
  }

  #miss(begin: number, end: number, nowMs: number): void {
    if (end - begin > this.#maxPackets) {
      this.#skipped.set(begin, end);
      return;
    }
    const askAtMs = nowMs + this.#reorderMs;
    for (let sequence = begin; sequence < end; sequence++) {
      this.#missing.set(sequence, { sinceMs: nowMs, askAtMs, askedAtMs: 0, times: 0 });
    }
  }

  #isSkipped(extended: number): boolean {
    for (const [begin, end] of this.#skipped) if (extended >= begin && extended < end) return true;
    return false;
  }

  get #isOver(): boolean {
    return (
      this.#skipped.size > 0 ||
      this.#held.size > this.#maxPackets ||
      this.#missing.size > this.#maxPackets ||
      this.#heldBytes > this.#maxBytes
    );
  }

  #giveUp(from: number, nowMs: number): Gap | undefined {
    const isOver = this.#isOver;
    let to = this.#skipped.get(from) ?? from;
    this.#skipped.delete(from);
    for (; to <= this.#highest; to++) {
      const missing = this.#missing.get(to);
      if (!missing || (!isOver && nowMs - missing.sinceMs < this.#maxWaitMs)) break;
      this.#missing.delete(to);
    }
    if (to === from) return undefined;
    this.lost += to - from;
    this.#next = to;
    return { from, count: to - from };
  }
}
