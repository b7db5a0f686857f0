import { type FactSource, type MediaFacts, MediaMeter } from '../../ingress/index.js';
import { StreamType, unitFacts } from '../../protocols/access-unit/index.js';
import {
  channelsOf,
  parseAudioConfig,
  parseAvcConfig,
  parseHevcConfig,
  sampleRateOf,
} from '../../protocols/flv/index.js';
import { setsSize } from '../../protocols/video/index.js';

/** What is known of the tracks of one connection. */
export interface Tracks {
  /** The newest codec configurations: avcC or hvcC, AudioSpecificConfig. */
  readonly videoRecord: Buffer | undefined;
  readonly audioRecord: Buffer | undefined;
  readonly droppedFrames: number;
}

/** What is known of the media of a publication, over all its connections. */
export class PublicationFacts implements FactSource {
  readonly #meter = new MediaMeter();
  #tracks: Tracks;
  #videoRecord: Buffer | undefined;
  #audioRecord: Buffer | undefined;

  constructor(tracks: Tracks) {
    this.#tracks = tracks;
  }

  /** A unit, with its record, was made of what the tracks sent. */
  unit(unit: Buffer): void {
    const { streamType, key, dts: dtsMs } = unitFacts(unit);
    const counts = { units: 1, bytes: unit.length, dtsMs, keyframes: key ? 1 : 0 };
    if (streamType === StreamType.aac) {
      this.#audioFormat();
      this.#meter.audio(counts);
    } else {
      this.#videoFormat(streamType === StreamType.h265 ? 'h265' : 'h264');
      this.#meter.video(counts);
    }
  }

  gone(): void {
    this.#meter.gone();
  }

  /** The publisher is back, on another connection. */
  continued(tracks: Tracks): void {
    this.#meter.dropped(this.#tracks.droppedFrames);
    this.#tracks = tracks;
    this.#meter.continued();
  }

  media(): MediaFacts {
    const facts = this.#meter.facts();
    return { ...facts, dropped: facts.dropped + this.#tracks.droppedFrames };
  }

  #videoFormat(codec: 'h264' | 'h265'): void {
    const { videoRecord } = this.#tracks;
    if (!videoRecord || videoRecord === this.#videoRecord) return;
    this.#videoRecord = videoRecord;
    const { sets } = codec === 'h264' ? parseAvcConfig(videoRecord) : parseHevcConfig(videoRecord);
    this.#meter.videoIs({ codec, ...setsSize(codec, sets) });
  }

  #audioFormat(): void {
    const { audioRecord } = this.#tracks;
    if (!audioRecord || audioRecord === this.#audioRecord) return;
    this.#audioRecord = audioRecord;
    const config = parseAudioConfig(audioRecord);
    const sampleRate = sampleRateOf(config);
    this.#meter.audioIs({ codec: 'aac', sampleRate, channels: channelsOf(config) });
  }
}
