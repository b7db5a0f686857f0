import { ACCESS_UNIT_HEAD_BYTES, StreamType, writeAccessUnitHead } from '../access-unit/index.js';
import { toAnnexB } from './annex-b.js';
import { ADTS_BYTES, type AudioConfig, parseAudioConfig, writeAdts } from './audio-config.js';
import { type MediaPacket, parseAudio, parseVideo } from './packets.js';
import { parseAvcConfig, parseHevcConfig, type VideoConfig } from './video-config.js';

/**
 * Makes access units of the audio and video messages of one stream. Frames before their track's codec
 * configuration cannot be decoded by anybody: they are dropped, and counted.
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
  #units = 0;
  #clock: number | undefined;

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
    if (!video || video.hevc !== hevc) {
      this.droppedFrames++;
      return undefined;
    }
    const withSets = packet.key || this.#setsChanged;
    const unit = toAnnexB(packet.data, video.config, withSets, hevc, ACCESS_UNIT_HEAD_BYTES);
    if (!unit) return undefined;
    if (withSets) this.#setsChanged = false;
    const dts = this.#unwrap(timestamp);
    const type = hevc ? StreamType.h265 : StreamType.h264;
    writeAccessUnitHead(unit, type, packet.key, this.#units++, dts, dts + packet.compositionMs);
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
    const dts = this.#unwrap(timestamp);
    writeAccessUnitHead(unit, StreamType.aac, false, this.#units++, dts, dts);
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
  #unwrap(timestamp: number): number {
    const last = this.#clock ?? timestamp;
    this.#clock = last + ((timestamp - last) | 0);
    return this.#clock;
  }
}
