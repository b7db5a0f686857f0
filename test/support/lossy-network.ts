/** A network and a sender on a clock that only the test moves: the same seed, the same losses. */

import { parseRtcp } from '../../src/protocols/rtp/index.js';
import {
  h264Payloads,
  nalUnit,
  PPS,
  rtpPacket,
  SPS,
  stapA,
  vp8Frame,
  vp8Payloads,
} from './rtp-packets.js';

/** Numbers from 0 to 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One direction: loses some datagrams, delays the others by different times, so that they overtake. */
export class LossyPath {
  #underWay: { readonly atMs: number; readonly datagram: Buffer }[] = [];
  sent = 0;
  lost = 0;

  constructor(
    readonly random: () => number,
    readonly loss: number,
    readonly delayMs: number,
    readonly spreadMs: number,
  ) {}

  send(datagram: Buffer, nowMs: number): void {
    this.sent++;
    if (this.random() < this.loss) this.lost++;
    else {
      const atMs = nowMs + this.delayMs + this.random() * this.spreadMs;
      this.#underWay.push({ atMs, datagram });
    }
  }

  /** What has arrived by now, in the order of arrival. */
  arrived(nowMs: number): Buffer[] {
    const arrived = this.#underWay.filter(({ atMs }) => atMs <= nowMs);
    this.#underWay = this.#underWay.filter(({ atMs }) => atMs > nowMs);
    return arrived.sort((a, b) => a.atMs - b.atMs).map(({ datagram }) => datagram);
  }
}

/** A frame as it was sent. */
export interface SentFrame {
  readonly timestamp: number;
  readonly key: boolean;
  /** What the unit's data have to be. */
  readonly data: Buffer;
  /** The sequence numbers of its packets. */
  readonly sequences: readonly number[];
}

export interface SenderFormat {
  readonly codec: 'h264' | 'opus' | 'vp8';
  readonly payloadType: number;
  readonly ssrc: number;
  readonly clockRate: number;
  readonly intervalMs: number;
}

const MTU = 1200;
/** Packets that can be sent again. */
const HISTORY = 1024;

/** Sends frames at a steady rate, and heeds NACK and PLI. */
export class FrameSender {
  readonly frames: SentFrame[] = [];
  keyframeRequests = 0;
  #nextAtMs = 0;
  #timestamp: number;
  #sequence: number;
  #keyframeDue = true;
  readonly #history = new Map<number, Buffer>();

  constructor(
    readonly format: SenderFormat,
    readonly random: () => number,
  ) {
    this.#timestamp = Math.floor(random() * 2 ** 32);
    this.#sequence = Math.floor(random() * 2 ** 16);
  }

  /** The datagrams of the frames that are due. */
  due(nowMs: number): Buffer[] {
    const datagrams: Buffer[] = [];
    while (this.#nextAtMs <= nowMs) {
      datagrams.push(...this.#frame());
      this.#nextAtMs += this.format.intervalMs;
    }
    return datagrams;
  }

  /** What is sent again because of this RTCP. */
  onRtcp(datagram: Buffer): Buffer[] {
    return parseRtcp(datagram).flatMap((packet) => {
      if (packet.type === 'pli' && packet.mediaSsrc === this.format.ssrc) {
        this.#keyframeDue = true;
        this.keyframeRequests++;
      }
      if (packet.type !== 'nack' || packet.mediaSsrc !== this.format.ssrc) return [];
      return packet.sequences.flatMap((sequence) => this.#history.get(sequence) ?? []);
    });
  }

  #frame(): Buffer[] {
    const { clockRate, intervalMs } = this.format;
    const key = this.#keyframeDue && this.format.codec !== 'opus';
    this.#keyframeDue = false;
    const { payloads, data } = this.#payloads(key);
    const timestamp = this.#timestamp;
    this.#timestamp = (timestamp + (clockRate * intervalMs) / 1000) >>> 0;
    const sequences: number[] = [];
    const datagrams = payloads.map((payload, index) => {
      const sequence = this.#sequence;
      this.#sequence = (sequence + 1) & 0xffff;
      sequences.push(sequence);
      const marker = index === payloads.length - 1;
      const { payloadType, ssrc } = this.format;
      const datagram = rtpPacket(payload, { payloadType, ssrc, marker, sequence, timestamp });
      this.#history.set(sequence, datagram);
      this.#history.delete((sequence - HISTORY) & 0xffff);
      return datagram;
    });
    this.frames.push({ timestamp, key, data, sequences });
    return datagrams;
  }

  #payloads(key: boolean): { payloads: Buffer[]; data: Buffer } {
    const count = this.frames.length;
    const size = 1 + Math.floor(this.random() * (key ? 20_000 : 6000));
    const { codec } = this.format;
    if (codec === 'opus') {
      const data = Buffer.alloc(20 + (size % 200), count);
      return { payloads: [data], data };
    }
    if (codec === 'vp8') {
      const data = vp8Frame(key, 20 + size, count);
      return { payloads: vp8Payloads(data, count, MTU), data };
    }
    const slice = nalUnit(key ? 5 : 1, 2 + size, count);
    const code = Buffer.from([0, 0, 0, 1]);
    const payloads = h264Payloads([slice], MTU);
    if (!key) return { payloads, data: Buffer.concat([code, slice]) };
    const data = Buffer.concat([code, SPS, code, PPS, code, slice]);
    return { payloads: [stapA(SPS, PPS), ...payloads], data };
  }
}
