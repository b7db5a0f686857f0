import type { AnyWorker, StopOptions } from './worker.js';

export interface SignalOptions extends StopOptions {
  /** Default: SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
}

/** A terminal and npm both pass a Ctrl-C on; that is not yet impatience. */
const ECHO_MS = 500;

/**
 * Stops the worker gracefully at the first signal and ends the process with the signal's exit code at
 * the second, which loses what is still running. Returns the way to undo it.
 */
export function stopOnSignals(worker: AnyWorker, options: SignalOptions = {}): () => void {
  const signals = options.signals ?? ['SIGTERM', 'SIGINT'];
  let stoppingSince = 0;
  const onSignal = (_name: NodeJS.Signals, number: number) => {
    if (stoppingSince === 0) {
      stoppingSince = Date.now();
      void worker.stop(options).then(undo);
    } else if (Date.now() - stoppingSince > ECHO_MS) {
      process.exit(128 + number);
    }
  };
  const undo = () => {
    for (const signal of signals) process.removeListener(signal, onSignal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return undo;
}
