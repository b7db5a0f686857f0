import { randomBytes } from 'node:crypto';
import type { Logger } from '../../ingress/index.js';
import { type Reached, RtpReceiver, type TrackStats } from '../../protocols/rtp/index.js';
import type { OfferedTrack } from '../../protocols/sdp/index.js';
import { BitrateLimit } from './bitrate-limit.js';
import type { WebRtcConfig } from './config.js';
import type { RtcTrack } from './engine.js';

/** Where the media of a session goes. Nothing is called after `finish`. */
export interface UnitSink {
  /** The first packet has come. */
  begun(): void;
  /** What is complete by now, in order. */
  units(units: readonly Buffer[]): void;
  /** No packet has come for `idleTimeoutMs`. */
  silent(): void;
  /** There is room again for video that was left out, from its next keyframe on. */
  wantsKeyframe(): boolean;
  /** Much of what has come waits for a worker. */
  isBehind(): boolean;
}

/** What workers do not have of what was sent. */
export interface Losses {
  readonly packets: number;
  readonly frames: number;
}

/** How often gaps are looked after, and what is asked of the sender. */
const TICK_MS = 20;

/** The tracks of one session: RTP and RTCP in, access units out, and what is asked of the sender. */
export class SessionMedia {
  readonly #config: WebRtcConfig;
  readonly #log: Logger;
  readonly #sink: UnitSink;
  readonly #receiver: RtpReceiver;
  readonly #tracks: RtcTrack[] = [];
  readonly #limit: BitrateLimit;
  #timer: NodeJS.Timeout | undefined;
  #heardAtMs = 0;
  #finished = false;

  /** `after`: how far the sessions before this one have come. */
  constructor(
    config: WebRtcConfig,
    log: Logger,
    tracks: readonly OfferedTrack[],
    after: Reached | undefined,
    sink: UnitSink,
  ) {
    this.#config = config;
    this.#log = log;
    this.#sink = sink;
    const { keyframeIntervalMs, maxFrameBytes, maxBitrateKbps } = config;
    this.#receiver = new RtpReceiver({
      tracks: tracks.map((track) => ({ ...track, keyframeIntervalMs, maxFrameBytes })),
      ssrc: randomBytes(4).readUInt32BE(),
      cname: randomBytes(9).toString('base64url'),
      after,
    });
    this.#limit = new BitrateLimit(maxBitrateKbps * 1000, performance.now());
  }

  /** Packets come, or have come. */
  get begun(): boolean {
    return this.#timer !== undefined;
  }

  /** For the session that comes after this one. */
  get reached(): Reached {
    return this.#receiver.reached;
  }

  get losses(): Losses {
    const all = this.stats();
    const sum = (count: (track: TrackStats) => number): number =>
      all.reduce((total, track) => total + count(track), 0);
    return {
      packets: sum((track) => track.lostPackets),
      frames: sum((track) => track.damagedFrames + track.undecodableFrames),
    };
  }

  /** Datagrams that were of no use. */
  get strays(): { readonly malformed: number; readonly unknown: number } {
    const { malformed, unknown } = this.#receiver;
    return { malformed, unknown };
  }

  /** By the order of the offer. */
  stats(): readonly TrackStats[] {
    return this.#receiver.stats();
  }

  /** A track of the engine, which hands on RTP and RTCP of any of them. */
  attach(track: RtcTrack): void {
    this.#tracks.push(track);
  }

  /** A datagram, which does not change any more. */
  packet(datagram: Buffer): void {
    if (this.#finished) return;
    const nowMs = performance.now();
    this.#heardAtMs = nowMs;
    this.#limit.received(datagram.length);
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
      this.#sink.begun();
    }
    this.#sink.units(this.#receiver.push(datagram, nowMs));
    this.#feedback(nowMs);
  }

  /** Takes no more packets. Returns the units that are left. */
  finish(): readonly Buffer[] {
    if (this.#finished) return [];
    this.#finished = true;
    clearInterval(this.#timer);
    return this.#receiver.finish(performance.now());
  }

  #tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.#heardAtMs >= this.#config.idleTimeoutMs) {
      this.#sink.silent();
      return;
    }
    this.#sink.units(this.#receiver.poll(nowMs));
    if (this.#finished) return;
    this.#limit.look(this.#sink.isBehind(), nowMs);
    if (this.#sink.wantsKeyframe()) this.#receiver.requestKeyframe();
    this.#feedback(nowMs);
  }

  #feedback(nowMs: number): void {
    const track = this.#tracks.find((one) => one.isOpen());
    if (this.#finished || !track) return;
    this.#receiver.maxBitsPerSecond = this.#limit.bitsPerSecond;
    const datagram = this.#receiver.feedback(nowMs);
    if (!datagram) return;
    try {
      track.sendMessageBinary(datagram);
    } catch (err) {
      // The connection ends, which is told elsewhere.
      this.#log.debug({ err, transport: 'webrtc' }, 'RTCP was not sent');
    }
  }
}
