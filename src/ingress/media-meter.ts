import type { AudioFacts, MediaFacts, VideoFacts } from './stream-facts.js';

/** Media over which a rate is measured, and the least of it that says something. Milliseconds. */
const WINDOW_MS = 2000;
const LEAST_MS = 200;
/** Times that jump further than this begin anew. */
const MOST_STEP_MS = 10_000;

export interface VideoFormat {
  readonly codec: string;
  /** Pixels; undefined where the codec's parameters do not say it. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

export interface AudioFormat {
  readonly codec: string;
  /** Hz. */
  readonly sampleRate?: number | undefined;
  readonly channels?: number | undefined;
}

/** Some access units of one track, one after the other. */
export interface UnitCounts {
  readonly units: number;
  readonly bytes: number;
  /** Of the newest one, milliseconds. */
  readonly dtsMs: number;
  readonly keyframes: number;
  /** Milliseconds since the newest one came, and since the newest keyframe; default: it comes now. */
  readonly silentMs?: number | undefined;
  readonly keyframeAgeMs?: number | undefined;
}

/** What has come since `before`, of counts of the whole stream. */
export function countsSince(counts: UnitCounts, before: UnitCounts | undefined): UnitCounts {
  return {
    ...counts,
    units: counts.units - (before?.units ?? 0),
    bytes: counts.bytes - (before?.bytes ?? 0),
    keyframes: counts.keyframes - (before?.keyframes ?? 0),
  };
}

/** Gathers what is told of a media stream. It is given counts, so that whoever takes the units apart may
 *  count them in batches. Times are those of `performance.now()`. */
export class MediaMeter {
  #video: { readonly format: VideoFormat; readonly track: TrackMeter } | undefined;
  #audio: { readonly format: AudioFormat; readonly track: TrackMeter } | undefined;
  #dropped = 0;
  #continued = 0;
  #goneAt: number | undefined;

  /** The video's format is known, or has changed. */
  videoIs(format: VideoFormat): void {
    this.#video = { format, track: this.#video?.track ?? new TrackMeter() };
  }

  audioIs(format: AudioFormat): void {
    this.#audio = { format, track: this.#audio?.track ?? new TrackMeter() };
  }

  video(counts: UnitCounts, now = performance.now()): void {
    this.#video?.track.count(counts, now);
  }

  audio(counts: UnitCounts, now = performance.now()): void {
    this.#audio?.track.count(counts, now);
  }

  /** Frames that no worker sees. */
  dropped(frames: number): void {
    this.#dropped += frames;
  }

  /** The publisher has gone, and may come back. */
  gone(now = performance.now()): void {
    this.#goneAt = now;
  }

  /** It goes on. */
  continued(): void {
    this.#goneAt = undefined;
    this.#continued++;
    this.#video?.track.begin();
    this.#audio?.track.begin();
  }

  facts(now = performance.now()): MediaFacts {
    return {
      video: this.#video ? videoFacts(this.#video.format, this.#video.track, now) : null,
      audio: this.#audio ? audioFacts(this.#audio.format, this.#audio.track, now) : null,
      dropped: this.#dropped,
      continued: this.#continued,
      waitingMs: age(this.#goneAt, now),
    };
  }
}

/** Rates are those of the newest window of media that is whole: a publisher that sends faster than the
 *  media last has the same. */
class TrackMeter {
  units = 0;
  bytes = 0;
  keyframes = 0;
  newestAt: number | undefined;
  keyframeAt: number | undefined;
  #whole: Window | undefined;
  #window: Window | undefined;

  count(counts: UnitCounts, now: number): void {
    const { units, bytes, dtsMs, keyframes, silentMs = 0, keyframeAgeMs = 0 } = counts;
    if (units === 0) return;
    this.units += units;
    this.bytes += bytes;
    this.newestAt = now - silentMs;
    if (keyframes > 0) {
      this.keyframes += keyframes;
      this.keyframeAt = now - keyframeAgeMs;
    }
    const window = this.#window;
    if (!window || dtsMs < window.endMs || dtsMs - window.endMs > MOST_STEP_MS) {
      this.#window = { startMs: dtsMs, endMs: dtsMs, units: 0, bytes: 0 };
      return;
    }
    window.endMs = dtsMs;
    window.units += units;
    window.bytes += bytes;
    if (window.endMs - window.startMs < WINDOW_MS) return;
    this.#whole = window;
    this.#window = { startMs: dtsMs, endMs: dtsMs, units: 0, bytes: 0 };
  }

  /** What comes next does not follow what came before. */
  begin(): void {
    this.#window = undefined;
  }

  /** Undefined: too little has come. */
  rates(): { units: number; bits: number } | undefined {
    const window = this.#whole ?? this.#window;
    if (!window || window.endMs - window.startMs < LEAST_MS) return undefined;
    const seconds = (window.endMs - window.startMs) / 1000;
    return { units: window.units / seconds, bits: (window.bytes * 8) / seconds };
  }
}

interface Window {
  readonly startMs: number;
  endMs: number;
  units: number;
  bytes: number;
}

function videoFacts(format: VideoFormat, track: TrackMeter, now: number): VideoFacts {
  const rates = track.rates();
  return {
    ...trackFacts(format.codec, track, now),
    width: format.width ?? null,
    height: format.height ?? null,
    framesPerSecond: rates ? rounded(rates.units) : null,
    keyframes: track.keyframes,
    keyframeAgeMs: age(track.keyframeAt, now),
  };
}

function audioFacts(format: AudioFormat, track: TrackMeter, now: number): AudioFacts {
  const { sampleRate = null, channels = null } = format;
  return { ...trackFacts(format.codec, track, now), sampleRate, channels };
}

function trackFacts(codec: string, track: TrackMeter, now: number) {
  const rates = track.rates();
  return {
    codec,
    units: track.units,
    bytes: track.bytes,
    bitsPerSecond: rates ? Math.round(rates.bits) : null,
    silentMs: age(track.newestAt, now) ?? 0,
  };
}

function age(at: number | undefined, now: number): number | null {
  return at === undefined ? null : Math.max(0, Math.round(now - at));
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
