import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

/** A hang must end; a machine that is busy must not end a test. */
const WATCHDOG_MS = 90_000;

/** Resolves when `condition` holds; rejects when the watchdog's time has passed. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  watchdogMs = WATCHDOG_MS,
): Promise<void> {
  const end = performance.now() + watchdogMs;
  for (let round = 0; !(await condition()); round++) {
    if (performance.now() > end) throw new Error(`waited ${watchdogMs} ms in vain for ${what}`);
    await (round < 10 ? turn() : delay(5));
  }
}

/** `promise`, or a rejection when the watchdog's time has passed. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  watchdogMs = WATCHDOG_MS,
): Promise<T> {
  const watchdog = new AbortController();
  const late = delay(watchdogMs, undefined, { signal: watchdog.signal }).then(
    () => {
      throw new Error(`waited ${watchdogMs} ms in vain for ${what}`);
    },
    () => promise,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    watchdog.abort();
  }
}
