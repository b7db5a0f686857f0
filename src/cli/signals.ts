import { constants } from 'node:os';

/** A terminal, a shell and npm may all pass one Ctrl-C on; that is not yet impatience. */
const ECHO_MS = 500;

/** Signals that end a command. */
export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/**
 * Runs `stop` at the first SIGTERM, SIGINT or SIGHUP (or of the given ones); at a second one runs
 * `abandon` and ends the process at once with the signal's exit code. Returns the way to undo it.
 */
export function onStopSignals(
  stop: (signal: string) => void,
  abandon: () => void,
  signals: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'],
): () => void {
  let stoppingSince: number | undefined;
  const onSignal = (signal: StopSignal) => {
    if (stoppingSince === undefined) {
      stoppingSince = performance.now();
      stop(signal);
    } else if (performance.now() - stoppingSince > ECHO_MS) {
      abandon();
      process.exit(128 + constants.signals[signal]);
    }
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
