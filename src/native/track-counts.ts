/** The units of one track of a media stream so far. */
export interface TrackCounts {
  readonly units: number;
  readonly bytes: number;
  readonly keyframes: number;
  /** Of the newest unit. */
  readonly dtsMs: number;
  /** Since the newest unit, and the newest keyframe; undefined: there was none. */
  readonly silentMs?: number | undefined;
  readonly keyframeAgeMs?: number | undefined;
}
