import { UploadResponseError } from '../../errors/index.js';
import { encodeAccessUnit } from '../access-unit/index.js';
import type { DroppedFrame } from './frame-assembler.js';
import { alignTracks } from './media-clock.js';
import { extensionElement, kindOf, parseRtp, type RtpPacket } from './packet.js';
import { parseRtcp, type RtcpPacket } from './rtcp.js';
import {
  writeCname,
  writeFir,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeTransportFeedback,
} from './rtcp-write.js';
import { RtpTrack, type TrackEvent, type TrackOptions } from './track.js';
import { TransportLog } from './transport-feedback.js';

/** What of a track was not passed on. */
export type MediaLoss =
  /** Packets that did not come, from this 16-bit sequence number on. */
  | {
      readonly kind: 'packets';
      readonly track: number;
      readonly from: number;
      readonly count: number;
    }
  | ({ readonly kind: 'frame'; readonly track: number } & DroppedFrame);

/** How far a receiver has come. */
export interface Reached {
  /** Units so far: the id of the next one. */
  readonly units: number;
  /** The clock's time of the first packet; undefined before it. */
  readonly startMs: number | undefined;
  /** The latest unit's time, on the same clock; -Infinity before it. */
  readonly latestMs: number;
}

export interface RtpReceiverOptions {
  /** At most 31; a payload type stands for one track. */
  readonly tracks: readonly TrackOptions[];
  /** Our own source, in what we send. */
  readonly ssrc: number;
  /** Our own name, in what we send: random, and the same for the whole session. */
  readonly cname: string;
  readonly onLoss?: ((loss: MediaLoss) => void) | undefined;
  /** Another receiver with the same clock had the sender before; units go on where it has stopped. */
  readonly after?: Reached | undefined;
}

/** Units of one receiver after another have times that differ. */
const NEXT_MS = 1;

/** Counts of one track since its beginning. */
export interface TrackStats {
  readonly codec: string;
  readonly packets: number;
  readonly bytes: number;
  readonly duplicatePackets: number;
  readonly latePackets: number;
  readonly recoveredPackets: number;
  readonly lostPackets: number;
  readonly frames: number;
  readonly keyframes: number;
  readonly damagedFrames: number;
  readonly undecodableFrames: number;
  readonly jitterMs: number;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/** Reports go out so often; feedback at once. */
const REPORT_INTERVAL_MS = 1000;
/** Sequence numbers asked for in one datagram: 800 bytes when no two lie together. */
const MAX_NACKS = 200;
/** After so much silence another source may take a track over. */
const SILENCE_MS = 2000;

/**
 * Receives the audio and video of one sender: datagrams in, access units out, and the RTCP to send back.
 * It does no I/O and has no clock: `nowMs` grows from call to call. Call `poll` and `feedback` about
 * every 20 ms while it is in use, and `feedback` after `push` too.
 *
 *     for (const unit of receiver.push(datagram, nowMs)) write(unit)
 *     const rtcp = receiver.feedback(nowMs)
 *
 * Units have `dts` equal to `pts`: RTP has one time. Both are milliseconds since the first packet. Behind
 * another receiver ids go on, and times by the time that has passed, never backwards.
 */
export class RtpReceiver {
  readonly #tracks: readonly RtpTrack[];
  readonly #options: RtpReceiverOptions;
  readonly #byPayloadType = new Map<number, RtpTrack>();
  /** Sources that have said good-bye. */
  readonly #gone = new Set<RtpTrack>();
  #startMs: number | undefined;
  #units: number;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #firs = 0;
  /** What the sender is told that its tracks which take REMB may send together; 0: nothing. */
  maxBitsPerSecond = 0;
  /** The sources that were told so. */
  #limited = '';
  readonly #transport = new TransportLog();
  /** Datagrams that are no RTP or RTCP, or malformed. */
  malformed = 0;
  /** RTP of payload types and sources that belong to no track. */
  unknown = 0;

  /** @throws UploadResponseError INVALID_ARGUMENT: too many tracks, or two of one payload type */
  constructor(options: RtpReceiverOptions) {
    const { units = 0, startMs, latestMs = Number.NEGATIVE_INFINITY } = options.after ?? {};
    this.#options = options;
    this.#startMs = startMs;
    this.#units = units;
    this.#tracks = options.tracks.map((track) => new RtpTrack(track, latestMs + NEXT_MS));
    for (const track of this.#tracks) this.#byPayloadType.set(track.options.payloadType, track);
    if (this.#byPayloadType.size !== this.#tracks.length || this.#tracks.length > 31) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'each track has a payload type of its own');
    }
  }

  /** Takes a datagram, which must not change any more; returns the units that are complete by it. */
  push(datagram: Buffer, nowMs: number): Buffer[] {
    try {
      const kind = kindOf(datagram);
      if (kind === 'rtp') return this.#receive(parseRtp(datagram), nowMs);
      if (kind === 'rtcp') this.#onRtcp(parseRtcp(datagram), nowMs);
      else this.malformed++;
    } catch (error) {
      if (!(error instanceof UploadResponseError)) throw error;
      this.malformed++;
    }
    return [];
  }

  /** The units that can be told now because what was missing before them has been given up. */
  poll(nowMs: number): Buffer[] {
    return this.#tracks.flatMap((track) => this.#unitsOf(track, track.poll(nowMs)));
  }

  /** No more datagrams come: the units that are left. */
  finish(nowMs: number): Buffer[] {
    return this.#tracks.flatMap((track) => this.#unitsOf(track, track.finish(nowMs)));
  }

  /** Asks for a keyframe of every track of video, until one comes. */
  requestKeyframe(): void {
    for (const track of this.#tracks) track.wantKeyframe();
  }

  /** A datagram for the sender, if there is anything to say now: a compound packet (RFC 3550). */
  feedback(nowMs: number): Buffer | undefined {
    const { ssrc, cname } = this.#options;
    const live = this.#tracks.filter((track) => track.ssrc !== undefined);
    const requests = live.flatMap((track) => this.#requests(track, nowMs));
    const isReportDue = live.length > 0 && nowMs - this.#reportedAtMs >= REPORT_INTERVAL_MS;
    requests.push(...this.#limit(live, isReportDue));
    // Together with others it might become larger than networks take.
    if (requests.length === 0) requests.push(...this.#arrivals(live, nowMs));
    if (!isReportDue && requests.length === 0) return undefined;
    const reported = isReportDue ? live : [];
    if (isReportDue) this.#reportedAtMs = nowMs;
    const reports = reported.map((track) => track.statistics.report(track.ssrc as number, nowMs));
    return Buffer.concat([
      writeReceiverReport(ssrc, reports),
      writeCname(ssrc, cname),
      ...requests,
    ]);
  }

  /** For the receiver that comes after this one. */
  get reached(): Reached {
    const latest = Math.max(...this.#tracks.map(({ clock }) => clock.latestMs));
    return { units: this.#units, startMs: this.#startMs, latestMs: latest };
  }

  /** By the order of the options. */
  stats(): TrackStats[] {
    return this.#tracks.map((track) => ({
      codec: track.options.codec,
      packets: track.counts.packets,
      bytes: track.counts.bytes,
      duplicatePackets: track.window.duplicates,
      latePackets: track.window.late,
      recoveredPackets: track.window.recovered,
      lostPackets: track.window.lost,
      frames: track.counts.frames,
      keyframes: track.counts.keyframes,
      damagedFrames: track.counts.damaged,
      undecodableFrames: track.counts.undecodable,
      jitterMs: track.statistics.jitterMs,
      width: track.width,
      height: track.height,
    }));
  }

  #receive(packet: RtpPacket, nowMs: number): Buffer[] {
    const track = this.#byPayloadType.get(packet.payloadType);
    if (!track || !this.#accepts(track, packet.ssrc, nowMs)) {
      this.unknown++;
      return [];
    }
    this.#startMs ??= nowMs;
    this.#arrived(track, packet, nowMs);
    return this.#unitsOf(track, track.receive(packet, nowMs));
  }

  /** A track belongs to its first source, until that one has gone or fallen silent. */
  #accepts(track: RtpTrack, ssrc: number, nowMs: number): boolean {
    if (track.ssrc === ssrc) return true;
    const isFree =
      track.ssrc === undefined ||
      this.#gone.has(track) ||
      nowMs - track.lastPacketAtMs >= SILENCE_MS;
    if (!isFree) return false;
    this.#gone.delete(track);
    track.takeOver(ssrc);
    return true;
  }

  #onRtcp(packets: readonly RtcpPacket[], nowMs: number): void {
    for (const packet of packets) {
      if (packet.type === 'sender-report') {
        const track = this.#tracks.find(({ ssrc }) => ssrc === packet.ssrc);
        track?.statistics.onSenderReport(packet.ntpMiddle, nowMs);
        track?.clock.onSenderReport(packet.ntpMs, packet.rtpTimestamp);
        if (track) alignTracks(this.#tracks.map(({ clock }) => clock));
      } else if (packet.type === 'bye') {
        for (const track of this.#tracks) {
          if (track.ssrc !== undefined && packet.ssrcs.includes(track.ssrc)) this.#gone.add(track);
        }
      }
    }
  }

  #requests(track: RtpTrack, nowMs: number): Buffer[] {
    const { ssrc } = this.#options;
    const media = track.ssrc as number;
    const requests: Buffer[] = [];
    if (track.options.nack) {
      const sequences = track.window.takeNacks(nowMs, MAX_NACKS);
      if (sequences.length > 0) requests.push(writeNack(ssrc, media, sequences));
    }
    if (track.takeKeyframeRequest(nowMs)) {
      const isFir = track.options.keyframeRequest === 'fir';
      requests.push(isFir ? writeFir(ssrc, media, this.#firs++) : writePli(ssrc, media));
    }
    return requests;
  }

  #arrived(track: RtpTrack, { extension }: RtpPacket, nowMs: number): void {
    const id = track.options.transportSequenceId;
    const element = extension && id ? extensionElement(extension, id) : undefined;
    if (element?.length === 2) this.#transport.arrived(element.readUInt16BE(0), nowMs);
  }

  #arrivals(live: readonly RtpTrack[], nowMs: number): Buffer[] {
    const media = live.find(({ options }) => options.transportSequenceId)?.ssrc;
    const arrivals = media === undefined ? undefined : this.#transport.take(nowMs);
    if (media === undefined || !arrivals) return [];
    return [writeTransportFeedback(this.#options.ssrc, media, arrivals)];
  }

  /** Senders trust it most in their first seconds: a source that is new is told at once. */
  #limit(live: readonly RtpTrack[], isReportDue: boolean): Buffer[] {
    if (this.maxBitsPerSecond === 0) return [];
    const sources = live.filter(({ options }) => options.remb).map((track) => track.ssrc as number);
    const told = sources.join();
    if (sources.length === 0 || (told === this.#limited && !isReportDue)) return [];
    this.#limited = told;
    return [writeRemb(this.#options.ssrc, this.maxBitsPerSecond, sources)];
  }

  #unitsOf(track: RtpTrack, events: readonly TrackEvent[]): Buffer[] {
    const units: Buffer[] = [];
    for (const event of events) {
      if (event.kind !== 'frame') {
        this.#report(track, event);
        continue;
      }
      const { key, parts } = event.frame;
      const time = Math.round(event.timeMs - (this.#startMs as number));
      const head = { streamType: track.streamType, key, id: this.#units++, dts: time, pts: time };
      units.push(encodeAccessUnit(head, parts));
    }
    return units;
  }

  #report(track: RtpTrack, event: Exclude<TrackEvent, { kind: 'frame' }>): void {
    const index = this.#tracks.indexOf(track);
    if (event.kind === 'dropped') {
      this.#options.onLoss?.({ kind: 'frame', track: index, ...event.frame });
    } else {
      const { from, count } = event.gap;
      this.#options.onLoss?.({ kind: 'packets', track: index, from: from & 0xffff, count });
    }
  }
}
