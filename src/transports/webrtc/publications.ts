import { UploadResponseError } from '../../errors/index.js';
import type { OfferedTrack } from '../../protocols/sdp/index.js';
import { GracePeriod, isSame } from '../grace.js';
import type { MediaOrigin, MediaUpload } from './media-upload.js';

/** Who publishes where, and who has gone and may come back. Without a grace time nobody is known here. */
export class Publications {
  readonly #grace: GracePeriod<MediaUpload>;
  readonly #places = new Map<string, MediaUpload>();

  constructor(graceMs: number) {
    this.#grace = new GracePeriod(graceMs, (media) => media.abort('CLIENT_GONE'));
  }

  /** Publishers that have gone and may come back. */
  get waiting(): number {
    return this.#grace.size;
  }

  /**
   * What an offer of these tracks goes on with: its publisher has gone. Undefined: with nothing; what the
   * same publisher had there is over. @throws UploadResponseError PEER_ID_BUSY
   */
  claim(origin: MediaOrigin, tracks: readonly OfferedTrack[]): MediaUpload | undefined {
    const { place, identity } = origin;
    const before = place === undefined ? undefined : this.#places.get(place);
    if (!before) return undefined;
    if (!isSame(identity, before.identity)) throw new UploadResponseError('PEER_ID_BUSY');
    if (before.has(tracks)) {
      // What its broken session has not taken yet may end it.
      if (!this.#grace.has(before)) before.breakOff();
      if (this.#grace.has(before)) return before;
    }
    before.abort('PUBLICATION_REPLACED');
    return undefined;
  }

  publishes(media: MediaUpload): void {
    this.#grace.end(media);
    if (this.#grace.isOn && media.place !== undefined) this.#places.set(media.place, media);
  }

  /** False: nobody can come back to it. */
  keep(media: MediaUpload): boolean {
    return media.place !== undefined && this.#grace.wait(media);
  }

  published(media: MediaUpload): void {
    this.#grace.end(media);
    const { place } = media;
    if (place !== undefined && this.#places.get(place) === media) this.#places.delete(place);
  }

  /** Nobody can come back any more. */
  expireAll(): void {
    this.#grace.expireAll();
  }
}
