/** Limits that a machine which stands still for seconds does not reach. For tests of something else: where
 *  a limit is shorter than what the machine may take, it decides how a test ends. */
export const PATIENT = {
  limits: {
    noWorkerTimeoutMs: 60_000,
    responseTimeoutMs: 120_000,
    evictAfterMs: 120_000,
    clientStallTimeoutMs: 120_000,
    minRateBytesPerSecond: 0,
  },
} as const;
