import { percentile } from '../../support/statistics.js';
import type { LiveOutcome } from './run.js';

/** 5 Mbit/s at 25 frames a second. */
export const FRAME = { fps: 25, bytes: 25_000 };

export const text = (value: number) => value.toFixed(2);

/** How old the units of a run were, in milliseconds. */
export function agesOf({ ns }: LiveOutcome) {
  const ms = (share: number) => percentile(ns, share) / 1e6;
  return { p50Ms: ms(0.5), p99Ms: ms(0.99), maxMs: ms(1) };
}
