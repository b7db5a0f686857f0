import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, UploadResponseError } from '../errors/index.js';

/** Errors that go away by themselves when a server comes (back). */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'SERVER_GONE',
  'NO_FREE_WORKER',
  'INVALID_HANDSHAKE',
  'SHUTTING_DOWN',
  'DETACHED',
  'TIMED_OUT',
]);
const FIRST_DELAY_MS = 50;
const MAX_DELAY_MS = 2000;

export interface RetryOptions {
  /** Ends the attempts. */
  readonly signal: AbortSignal;
  /** Told of each attempt that failed. */
  readonly waiting: (error: UploadResponseError, delayMs: number) => void;
}

/**
 * Repeats `attempt` with growing pauses until it succeeds; undefined when `signal` aborted before.
 * Rejects with an error that does not pass by itself.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  { signal, waiting }: RetryOptions,
): Promise<T | undefined> {
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UploadResponseError && PASSING.has(error.code))) throw error;
      // Spread, so that the workers of a restarted server do not all come in one instant.
      const pause = Math.round(delayMs * (0.5 + Math.random() / 2));
      waiting(error, pause);
      await delay(pause, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return undefined;
    }
  }
}
