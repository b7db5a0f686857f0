import type { Backlog } from '../../ingress/index.js';
import { isKeyframe } from '../../protocols/access-unit/index.js';

/**
 * Decides what of a live body is left out when its lane has no room: a publisher cannot be held back. A
 * unit is taken whole or not at all; after video was left out, the next video is a keyframe.
 */
export class MediaBacklog implements Backlog {
  readonly #budgetBytes: number;
  #waitingBytes = 0;
  #lacksKeyframe = false;
  /** Units that were left out. */
  skipped = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** Video was left out, and there is room again: only a keyframe helps. */
  get wantsKeyframe(): boolean {
    return this.#lacksKeyframe && this.#waitingBytes <= this.#budgetBytes / 2;
  }

  /** The worker takes less than comes. */
  get isBehind(): boolean {
    return this.#waitingBytes > this.#budgetBytes / 4;
  }

  /** Whether to write this unit. */
  admits(unit: Uint8Array, isVideo: boolean): boolean {
    const key = isKeyframe(unit);
    const fits = this.#waitingBytes + unit.length <= this.#budgetBytes;
    if (fits && (!isVideo || !this.#lacksKeyframe || key)) {
      if (isVideo) this.#lacksKeyframe = false;
      return true;
    }
    this.skipped++;
    if (isVideo) this.#lacksKeyframe = true;
    return false;
  }

  /** What is asked for was admitted. */
  take(bytes: number): boolean {
    this.#waitingBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#waitingBytes -= bytes;
  }
}
