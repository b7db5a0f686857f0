import { z } from 'zod';

const duration = (what: string, preset: number, least = 1) =>
  z
    .int()
    .min(least)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

const bytes = (what: string, preset: number) => z.int().min(0).default(preset).describe(what);

/** What one stream may take and how long it may last. The same for every transport. */
export const limitsSchema = z.strictObject({
  maxBodyBytes: bytes(
    'Largest request body; a larger one is answered 413. 0: any size passes, memory stays fixed.',
    0,
  ),
  maxWaitingBytes: bytes(
    'Bytes of all uploads together that may wait for room in their lanes; an upload that would ' +
      'pass that is answered 503. 0: any number.',
    128 * 2 ** 20,
  ),
  noWorkerTimeoutMs: duration(
    'An upload that no worker reads after this time is answered 503.',
    5000,
  ),
  claimPatienceMs: duration(
    'A new stream is offered to the least busy worker; unclaimed after this time, to all of them.',
    10,
  ),
  responseTimeoutMs: duration(
    'No response head this long after the worker could have answered (the request has ended, or ' +
      'the worker reads no more of it): 504.',
    30_000,
  ),
  responseIdleTimeoutMs: duration(
    'A response that the worker does not go on with for this long is cut. 0: never.',
    0,
    0,
  ),
  clientStallTimeoutMs: duration(
    'A client that takes no byte of its response for this long is cut off. 0: never.',
    60_000,
    0,
  ),
  evictAfterMs: duration(
    'A reader that keeps the request lane full for this long without moving is evicted.',
    10_000,
  ),
  minRateBytesPerSecond: bytes(
    'An upload slower than this is answered 408; time in which the server itself paused the ' +
      'connection does not count. 0: off.',
    500,
  ),
  minRateGraceMs: duration('Time an upload has before its rate is first looked at.', 20_000),
  minRateWindowMs: duration('Time over which the rate is averaged after the grace time.', 10_000),
  maxAttempts: z
    .int()
    .min(1)
    .max(60_000)
    .default(5)
    .describe('Workers that one request may cost: when so many died of it, it is answered 502.'),
  observerLingerMs: duration(
    'Time that plain observers have to read the rest of a request that has been answered.',
    1000,
    0,
  ),
});

/** See `limitsSchema` for what each one means. Bytes and milliseconds. */
export type Limits = z.output<typeof limitsSchema>;

/** The one place where the defaults stand. */
export const DEFAULT_LIMITS: Limits = Object.freeze(limitsSchema.parse({}));

/** The largest body of one request; infinite without a limit. */
export function bodyLimit(
  { maxBodyBytes }: Pick<Limits, 'maxBodyBytes'>,
  permit?: { readonly maxBodyBytes: number | undefined },
): number {
  const permitted = permit?.maxBodyBytes ?? Number.POSITIVE_INFINITY;
  return Math.min(maxBodyBytes || Number.POSITIVE_INFINITY, permitted);
}
