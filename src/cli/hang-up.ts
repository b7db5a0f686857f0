import { closeSync, openSync } from 'node:fs';

/** Says, at each call, whether the terminal of the start is gone: then SIGHUP means that. */
export function terminalWatch(): () => boolean {
  const had = hasTerminal();
  return () => had && !hasTerminal();
}

/** Goes on without the terminal: nothing that is written fails any more. */
export function leaveTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error').on('error', () => {});
  }
  // Node aborts at its end when it cannot restore the modes of a terminal that is there no more.
  process.once('exit', () => {
    for (const fd of [0, 1, 2]) {
      try {
        closeSync(fd);
      } catch {}
    }
  });
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
