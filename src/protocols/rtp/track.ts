import { StreamType } from '../access-unit/index.js';
import type { Depacketiser, DroppedFrame, Frame } from './frame-assembler.js';
import { H264Depacketiser } from './h264.js';
import { type Gap, JitterWindow, type JitterWindowOptions } from './jitter-window.js';
import { TrackClock } from './media-clock.js';
import { OpusDepacketiser } from './opus.js';
import type { RtpPacket } from './packet.js';
import { ReceiverStatistics } from './receiver-statistics.js';
import { type Place, SequenceTracker } from './sequence.js';
import { Vp8Depacketiser } from './vp8.js';

export type RtpCodec = 'h264' | 'opus' | 'vp8';

export interface TrackOptions {
  readonly codec: RtpCodec;
  readonly payloadType: number;
  /** Of the time stamps: 90,000 for video, 48,000 for Opus. */
  readonly clockRate: number;
  /** The sender takes NACKs: missing packets are asked for, and waited for longer. */
  readonly nack?: boolean | undefined;
  /** How the sender is asked for a keyframe. */
  readonly keyframeRequest?: 'fir' | 'pli' | undefined;
  /** The sender takes REMB: it is told what it may send. */
  readonly remb?: boolean | undefined;
  /** A keyframe is asked for when none has come for so long. 0, and by default: never. */
  readonly keyframeIntervalMs?: number | undefined;
  /** H.264: NAL units of `sprop-parameter-sets`. */
  readonly parameterSets?: readonly Buffer[] | undefined;
  readonly window?: JitterWindowOptions | undefined;
  /** Datagrams of one frame, in bytes. Default 16 MiB. */
  readonly maxFrameBytes?: number | undefined;
}

/** What the track made of a packet, in order. */
export type TrackEvent =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly timeMs: number }
  | { readonly kind: 'dropped'; readonly frame: DroppedFrame }
  | { readonly kind: 'gap'; readonly gap: Gap };

/** Nobody sends again what is not asked for: what is late comes within this. */
const WAIT_WITHOUT_NACK_MS = 100;
/** Asked for a keyframe, an encoder sends it with its next frame; the request may be lost. */
const KEYFRAME_RETRY_MS = 500;

/** One source of packets: order, frames, times, and what to ask of the sender. */
export class RtpTrack {
  readonly streamType: number;
  readonly clock: TrackClock;
  readonly counts = { packets: 0, bytes: 0, frames: 0, keyframes: 0, damaged: 0, undecodable: 0 };
  /** The source whose packets it takes. */
  ssrc: number | undefined;
  lastPacketAtMs = 0;
  /** Of the last frame that said it. */
  width: number | undefined;
  height: number | undefined;
  readonly window: JitterWindow;
  readonly #sequence = new SequenceTracker();
  readonly #statistics: ReceiverStatistics;
  readonly #depacketiser: Depacketiser;
  #keyframeAskedAtMs = Number.NEGATIVE_INFINITY;
  #keyframeAtMs: number | undefined;
  #keyframeWanted = false;

  /** `earliestMs`: no frame's time lies before it. */
  constructor(
    readonly options: TrackOptions,
    earliestMs?: number,
  ) {
    this.streamType = StreamType[options.codec];
    this.clock = new TrackClock(options.clockRate, earliestMs);
    this.window = new JitterWindow(windowOptions(options));
    this.#statistics = new ReceiverStatistics(options.clockRate);
    this.#depacketiser = depacketiserOf(options);
  }

  get statistics(): ReceiverStatistics {
    return this.#statistics;
  }

  /** Takes a packet of this track's source. */
  receive(packet: RtpPacket, nowMs: number): TrackEvent[] {
    const place = this.#sequence.place(packet.sequence, nowMs);
    if (place.kind === 'suspect') return [];
    const events: TrackEvent[] = [];
    if (place.kind === 'restart') this.#restart(place, events, nowMs);
    this.lastPacketAtMs = nowMs;
    this.counts.packets++;
    this.counts.bytes += packet.payload.length;
    this.#statistics.onPacket(place.extended, packet.timestamp, nowMs);
    this.window.push(place.extended, packet, nowMs);
    this.#drain(events, nowMs, nowMs);
    return events;
  }

  /** Another source takes the track over. */
  takeOver(ssrc: number): void {
    if (this.ssrc !== undefined) {
      this.clock.restart();
      this.#sequence.renew();
    }
    this.ssrc = ssrc;
  }

  /** What can be said now because time has passed. */
  poll(nowMs: number): TrackEvent[] {
    const events: TrackEvent[] = [];
    this.#drain(events, nowMs, nowMs);
    return events;
  }

  /** No more packets come: everything that is left, without waiting. */
  finish(nowMs: number): TrackEvent[] {
    const events: TrackEvent[] = [];
    this.#drain(events, Number.POSITIVE_INFINITY, nowMs);
    this.#add(events, this.#depacketiser.finish(), nowMs);
    return events;
  }

  /** The next keyframe is wanted soon, whatever was lost. */
  wantKeyframe(): void {
    this.#keyframeWanted = true;
  }

  /** Whether to ask for a keyframe now. A yes counts as asked. */
  takeKeyframeRequest(nowMs: number): boolean {
    const { keyframeRequest, keyframeIntervalMs = 0 } = this.options;
    if (keyframeRequest === undefined) return false;
    const isOverdue =
      keyframeIntervalMs > 0 && nowMs - (this.#keyframeAtMs ?? nowMs) >= keyframeIntervalMs;
    if (!this.#depacketiser.needsKeyframe && !this.#keyframeWanted && !isOverdue) return false;
    if (nowMs - this.#keyframeAskedAtMs < KEYFRAME_RETRY_MS) return false;
    this.#keyframeAskedAtMs = nowMs;
    return true;
  }

  #restart({ extended }: Place, events: TrackEvent[], nowMs: number): void {
    this.#drain(events, Number.POSITIVE_INFINITY, nowMs);
    this.#depacketiser.lost();
    this.window.restart(extended);
    this.#statistics.restart();
  }

  /** `untilMs`: gaps that have had their time by then are given up. */
  #drain(events: TrackEvent[], untilMs: number, nowMs: number): void {
    for (let next = this.window.pull(untilMs); next; next = this.window.pull(untilMs)) {
      if ('count' in next) {
        this.#depacketiser.lost();
        events.push({ kind: 'gap', gap: next });
      } else {
        this.#add(events, this.#depacketiser.push(next), nowMs);
      }
    }
  }

  #add(events: TrackEvent[], frames: readonly (Frame | DroppedFrame)[], nowMs: number): void {
    for (const frame of frames) {
      if ('dropped' in frame) {
        this.counts[frame.dropped]++;
        events.push({ kind: 'dropped', frame });
        continue;
      }
      this.counts.frames++;
      if (frame.key) {
        this.counts.keyframes++;
        this.#keyframeAtMs = nowMs;
        this.#keyframeWanted = false;
      }
      this.width = frame.width ?? this.width;
      this.height = frame.height ?? this.height;
      events.push({ kind: 'frame', frame, timeMs: this.clock.timeOf(frame.timestamp, nowMs) });
    }
  }
}

function windowOptions({ nack, window = {} }: TrackOptions): JitterWindowOptions {
  return nack ? window : { ...window, maxWaitMs: window.maxWaitMs ?? WAIT_WITHOUT_NACK_MS };
}

function depacketiserOf({ codec, parameterSets, maxFrameBytes }: TrackOptions): Depacketiser {
  if (codec === 'opus') return new OpusDepacketiser();
  if (codec === 'vp8') return new Vp8Depacketiser({ maxFrameBytes });
  return new H264Depacketiser({ parameterSets, maxFrameBytes });
}
