import { countsSince, type FactSource, type MediaFacts, MediaMeter } from '../../ingress/index.js';
import { setsSize } from '../../protocols/video/index.js';
import type { RtmpMedia } from '../../ring/index.js';

/** What is known of the media of a publication, over all its connections. Native code counts; what it has
 *  counted is looked at now and then, and when somebody wants to know. */
export class PublicationFacts implements FactSource {
  readonly #meter = new MediaMeter();
  readonly #look: () => RtmpMedia | undefined;
  /** What the connection had counted when it was last looked at. */
  #seen: RtmpMedia | undefined;

  /** `look`: what the connection has counted; undefined while there is none. */
  constructor(look: () => RtmpMedia | undefined) {
    this.#look = look;
  }

  sample(): void {
    const media = this.#look();
    if (!media) return;
    const before = this.#seen;
    this.#seen = media;
    this.#formats(media, before);
    this.#meter.video(countsSince(media.video, before?.video));
    this.#meter.audio(countsSince(media.audio, before?.audio));
    this.#meter.dropped(media.droppedFrames - (before?.droppedFrames ?? 0));
  }

  #formats(media: RtmpMedia, before: RtmpMedia | undefined): void {
    const { videoCodec: codec, videoRecord, videoSets, audioCodec, sampleRate, channels } = media;
    if (codec && videoRecord && !before?.videoRecord?.equals(videoRecord)) {
      const plain = codec === 'h264' || codec === 'h265';
      this.#meter.videoIs({ codec, ...(plain && videoSets ? setsSize(codec, videoSets) : {}) });
    }
    if (audioCodec) this.#meter.audioIs({ codec: audioCodec, sampleRate, channels });
  }

  gone(): void {
    this.#meter.gone();
  }

  /** The publisher is back, on another connection. */
  continued(): void {
    this.#seen = undefined;
    this.#meter.continued();
  }

  media(): MediaFacts {
    this.sample();
    return this.#meter.facts();
  }
}
