/** What a number means, by its key's ending: house style puts the unit last. */
export type Unit = 'size' | 'duration';

/** `maxBodyBytes`, `slotSize`, `minRateBytesPerSecond` are sizes; `responseTimeoutMs` a duration. */
export function unitOf(key: string): Unit | undefined {
  if (/(Bytes|Size|BytesPerSecond)$/.test(key)) return 'size';
  if (/Ms$/.test(key)) return 'duration';
  return undefined;
}

const SIZES: Record<string, number> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};
const DURATIONS: Record<string, number> = {
  '': 1,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Bytes of `65536`, `64KB`, `64KiB`, `64k` (all the same: KB is 1024), `1.5 GB`; else undefined. */
export function parseSize(text: string): number | undefined {
  return parse(text, (suffix) => SIZES[suffix.replace(/i?b$/, '')] ?? SIZES[suffix]);
}

/** Milliseconds of `500`, `500ms`, `30s`, `5m`, `5min`, `1h`, `1d`; else undefined. */
export function parseDuration(text: string): number | undefined {
  return parse(text, (suffix) => DURATIONS[suffix]);
}

function parse(text: string, factorOf: (suffix: string) => number | undefined): number | undefined {
  const match = /^\s*(\d+(?:_\d+)*(?:\.\d+)?)\s*([a-zA-Z]*)\s*$/.exec(text);
  if (!match) return undefined;
  const factor = factorOf((match[2] as string).toLowerCase());
  if (factor === undefined) return undefined;
  const value = Number((match[1] as string).replaceAll('_', '')) * factor;
  return Number.isInteger(value) ? value : Math.round(value);
}

/** The shortest exact spelling that `parseSize` reads back: `64KB`, `1000`. */
export function formatSize(bytes: number): string {
  for (const [suffix, factor] of [
    ['TB', 2 ** 40],
    ['GB', 2 ** 30],
    ['MB', 2 ** 20],
    ['KB', 2 ** 10],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${suffix}`;
  }
  return String(bytes);
}

/** The shortest exact spelling that `parseDuration` reads back: `30s`, `1500ms`. */
export function formatDuration(ms: number): string {
  for (const [suffix, factor] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${suffix}`;
  }
  return `${ms}ms`;
}

/** `201.3 MB`, for people; a kilobyte is 1000 bytes here. */
export function humanBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return 'no limit';
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${units[unit]}`;
}
