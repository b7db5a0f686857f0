import type { AudioFacts, MediaFacts, VideoFacts } from './stream-facts.js';

type ByCodec = Readonly<Record<string, number>>;

/** What the media streams of one transport did since the start, by codec. */
export interface MediaStats {
  /** Tracks of streams that are under way. */
  readonly tracks: ByCodec;
  readonly unitsTotal: ByCodec;
  readonly bytesTotal: ByCodec;
  readonly keyframesTotal: number;
  readonly droppedTotal: number;
  /** Publishers that came back and went on. */
  readonly continuedTotal: number;
  /** Streams whose publisher has gone, and may come back. */
  readonly waiting: number;
  /** Of the stream that waits longest for a keyframe; undefined: there is none with video. */
  readonly oldestKeyframeMs: number | undefined;
}

interface Counts {
  readonly tracks: Record<string, number>;
  readonly unitsTotal: Record<string, number>;
  readonly bytesTotal: Record<string, number>;
  keyframesTotal: number;
  droppedTotal: number;
  continuedTotal: number;
}

/** Adds up media streams, those too that have ended. */
export class MediaCounters {
  readonly #ended = noCounts();
  #any = false;

  ended(facts: MediaFacts): void {
    this.#any = true;
    add(this.#ended, facts);
  }

  /** `running`: of the streams under way. */
  stats(running: readonly MediaFacts[]): MediaStats | undefined {
    if (!this.#any && running.length === 0) return undefined;
    const sum = structuredClone(this.#ended);
    for (const codec of Object.keys(sum.unitsTotal)) sum.tracks[codec] = 0;
    let waiting = 0;
    let oldestKeyframeMs: number | undefined;
    for (const facts of running) {
      add(sum, facts);
      for (const { codec } of tracksOf(facts)) increase(sum.tracks, codec, 1);
      if (facts.waitingMs !== null) waiting++;
      const age = facts.video?.keyframeAgeMs ?? undefined;
      if (age !== undefined) oldestKeyframeMs = Math.max(oldestKeyframeMs ?? 0, age);
    }
    return { ...sum, waiting, oldestKeyframeMs };
  }
}

function noCounts(): Counts {
  const none = { tracks: {}, unitsTotal: {}, bytesTotal: {} };
  return { ...none, keyframesTotal: 0, droppedTotal: 0, continuedTotal: 0 };
}

function tracksOf({ video, audio }: MediaFacts): (VideoFacts | AudioFacts)[] {
  return [video, audio].filter((one) => one !== null);
}

function add(sum: Counts, facts: MediaFacts): void {
  for (const { codec, units, bytes } of tracksOf(facts)) {
    increase(sum.unitsTotal, codec, units);
    increase(sum.bytesTotal, codec, bytes);
  }
  sum.keyframesTotal += facts.video?.keyframes ?? 0;
  sum.droppedTotal += facts.dropped;
  sum.continuedTotal += facts.continued;
}

function increase(record: Record<string, number>, key: string, by: number): void {
  record[key] = (record[key] ?? 0) + by;
}
