import { ACCESS_UNIT_HEAD_BYTES, StreamType, writeAccessUnitHead } from '../access-unit/index.js';
import { toAnnexB } from './annex-b.js';
import { ADTS_BYTES, type AudioConfig, parseAudioConfig, writeAdts } from './audio-config.js';
import { type MediaPacket, parseAudio, parseVideo } from './packets.js';
import { parseAvcConfig, parseHevcConfig, type VideoConfig } from './video-config.js';

/** Where a stream goes on that another connection has begun. */
export interface Continuation {
  /** Id of the next unit. */
  readonly units: number;
  /** The first time, milliseconds: none is earlier. */
  readonly startMs: number;
}

/**
 * Makes access units of the audio and video messages of one stream. Frames before their track's codec
 * configuration cannot be decoded by anybody: they are dropped, and counted. So are those before the first
 * keyframe where a stream goes on.
 */
export class MediaAssembler {
  /** The newest codec configurations as they came: avcC or hvcC, AudioSpecificConfig. */
  videoRecord: Buffer | undefined;
  audioRecord: Buffer | undefined;
  droppedFrames = 0;
  #video: { readonly hevc: boolean; readonly config: VideoConfig } | undefined;
  #audio: AudioConfig | undefined;
  /** The parameter sets have changed since they were last written. */
  #setsChanged = false;
  /** Units made so far, those of connections before this one too. */
  units = 0;
  /** Greatest time of a unit, milliseconds; undefined before the first. */
  newestMs: number | undefined;
  #clock: number | undefined;
  readonly #startMs: number | undefined;
  /** What its times are shifted by; known with the first one. */
  #shiftMs = 0;
  #needsKeyframe: boolean;

  /** `after`: where it goes on; without it, times are the publisher's. */
  constructor(after?: Continuation) {
    this.units = after?.units ?? 0;
    this.#startMs = after?.startMs;
    this.#needsKeyframe = after !== undefined;
  }

  /** A unit with its record, in memory of its own; undefined: the message makes none.
   *  @throws UploadResponseError MEDIA_INVALID, MEDIA_UNSUPPORTED */
  video(timestamp: number, message: Buffer): Buffer | undefined {
    const packet = message.length === 0 ? undefined : parseVideo(message);
    if (!packet) return undefined;
    if (packet.kind === 'config') {
      this.#configureVideo(packet);
      return undefined;
    }
    const hevc = packet.codec === 'h265';
    const video = this.#video;
    if (!video || video.hevc !== hevc || (this.#needsKeyframe && !packet.key)) {
      this.droppedFrames++;
      return undefined;
    }
    const withSets = packet.key || this.#setsChanged;
    const unit = toAnnexB(packet.data, video.config, withSets, hevc, ACCESS_UNIT_HEAD_BYTES);
    if (!unit) return undefined;
    this.#needsKeyframe = false;
    if (withSets) this.#setsChanged = false;
    const dts = this.#timeOf(timestamp);
    const pts = dts + packet.compositionMs;
    const type = hevc ? StreamType.h265 : StreamType.h264;
    writeAccessUnitHead(unit, type, packet.key, this.units++, dts, pts);
    this.newestMs = Math.max(this.newestMs ?? dts, dts, pts);
    return unit;
  }

  /** As `video`. */
  audio(timestamp: number, message: Buffer): Buffer | undefined {
    const packet = message.length === 0 ? undefined : parseAudio(message);
    if (!packet) return undefined;
    if (packet.kind === 'config') {
      this.#audio = parseAudioConfig(packet.data);
      this.audioRecord = Buffer.from(packet.data);
      return undefined;
    }
    if (packet.data.length === 0) return undefined;
    if (!this.#audio) {
      this.droppedFrames++;
      return undefined;
    }
    const { length } = packet.data;
    const dataAt = ACCESS_UNIT_HEAD_BYTES + ADTS_BYTES;
    const unit = Buffer.allocUnsafeSlow(dataAt + length);
    writeAdts(unit, ACCESS_UNIT_HEAD_BYTES, this.#audio, length);
    packet.data.copy(unit, dataAt);
    const dts = this.#timeOf(timestamp);
    writeAccessUnitHead(unit, StreamType.aac, false, this.units++, dts, dts);
    this.newestMs = Math.max(this.newestMs ?? dts, dts);
    return unit;
  }

  #configureVideo({ codec, data }: MediaPacket): void {
    const hevc = codec === 'h265';
    const config = hevc ? parseHevcConfig(data) : parseAvcConfig(data);
    const before = this.#video;
    const same = before?.hevc === hevc && before.config.sets.equals(config.sets);
    if (!same) this.#setsChanged = true;
    this.#video = { hevc, config };
    this.videoRecord = Buffer.from(data);
  }

  /** 32 bits wrap after 49.7 days. What jumps by less than half of that is taken as it is. */
  #timeOf(timestamp: number): number {
    const start = this.#startMs;
    if (this.#clock === undefined && start !== undefined) this.#shiftMs = start - timestamp;
    const last = this.#clock ?? timestamp;
    this.#clock = last + ((timestamp - last) | 0);
    const time = this.#clock + this.#shiftMs;
    return start === undefined ? time : Math.max(time, start);
  }
}
