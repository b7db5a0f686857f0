import { countsSince, type MediaFacts, MediaMeter } from '../../ingress/index.js';
import { setsSize } from '../../protocols/video/index.js';
import type { SrtMedia } from '../../ring/srt-engine.js';

/** What is known of the audio and video in an MPEG transport stream. Native code counts while it passes. */
export class TransportStreamFacts {
  readonly #meter = new MediaMeter();
  readonly #look: () => SrtMedia | undefined;
  #seen: SrtMedia | undefined;

  /** `look`: what was counted until now; undefined where nothing can be known any more. */
  constructor(look: () => SrtMedia | undefined) {
    this.#look = look;
  }

  sample(): void {
    const media = this.#look();
    if (!media) return;
    const before = this.#seen;
    this.#seen = media;
    const { videoCodec, videoStart, audioCodec: codec, sampleRate, channels } = media;
    if (videoCodec) this.#video(videoCodec, videoStart, before);
    if (codec) this.#meter.audioIs({ codec, sampleRate, channels });
    this.#meter.video(countsSince(media.video, before?.video));
    this.#meter.audio(countsSince(media.audio, before?.audio));
  }

  /** Undefined while the stream has said nothing of tracks: it may be of another format. */
  media(): MediaFacts | undefined {
    this.sample();
    return this.#seen?.videoCodec || this.#seen?.audioCodec ? this.#meter.facts() : undefined;
  }

  #video(codec: string, start: Buffer | undefined, before: SrtMedia | undefined): void {
    const known = before?.videoCodec === codec;
    if (known && (!start || before.videoStart?.equals(start))) return;
    const plain = codec === 'h264' || codec === 'h265';
    const size = plain && start ? setsSize(codec, start) : undefined;
    if (size || !known) this.#meter.videoIs({ codec, ...size });
  }
}
