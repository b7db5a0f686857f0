import { type FactSource, type MediaFacts, MediaMeter } from '../../ingress/index.js';
import { ACCESS_UNIT_HEAD_BYTES, readAccessUnitHead } from '../../protocols/access-unit/index.js';
import type { OfferedTrack } from '../../protocols/sdp/index.js';
import { setsSize, vp8Size } from '../../protocols/video/index.js';

/** Parameter sets are at the beginning of a keyframe. */
const MAX_SETS_BYTES = 4096;
/** Opus is always decoded to 48 kHz, and announced with two channels (RFC 7587 section 7). */
const OPUS = { codec: 'opus', sampleRate: 48_000, channels: 2 };

/** What is known of the media of a stream, over all its sessions. */
export class UploadFacts implements FactSource {
  readonly #meter = new MediaMeter();
  readonly #video: OfferedTrack | undefined;
  readonly #lost: () => number;
  readonly #skipped: () => number;
  #dropped = 0;

  /** `lost`: frames that did not come whole by now; `skipped`: units that were left out. */
  constructor(tracks: readonly OfferedTrack[], lost: () => number, skipped: () => number) {
    this.#video = tracks.find(({ kind }) => kind === 'video');
    this.#lost = lost;
    this.#skipped = skipped;
    if (this.#video) this.#meter.videoIs({ codec: this.#video.codec });
    if (tracks.some(({ kind }) => kind === 'audio')) this.#meter.audioIs(OPUS);
  }

  /** A unit has been written. */
  count(unit: Buffer, isVideo: boolean): void {
    const { key, dts: dtsMs, size: bytes } = readAccessUnitHead(unit);
    const counts = { units: 1, bytes, dtsMs, keyframes: key ? 1 : 0 };
    if (!isVideo) {
      this.#meter.audio(counts);
      return;
    }
    if (key) this.#size(unit.subarray(ACCESS_UNIT_HEAD_BYTES));
    this.#meter.video(counts);
  }

  gone(): void {
    this.#meter.gone();
  }

  /** The publisher is back, in another session. */
  continued(): void {
    this.#meter.continued();
  }

  media(): MediaFacts {
    const dropped = this.#skipped() + this.#lost();
    this.#meter.dropped(dropped - this.#dropped);
    this.#dropped = dropped;
    return this.#meter.facts();
  }

  #size(frame: Buffer): void {
    const codec = this.#video?.codec;
    const size =
      codec === 'h264' ? setsSize(codec, frame.subarray(0, MAX_SETS_BYTES)) : vp8Size(frame);
    if (codec && size) this.#meter.videoIs({ codec, ...size });
  }
}
