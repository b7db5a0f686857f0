import { execFileSync } from 'node:child_process';

/** Runs a command at real-time priority. Round robin: under FIFO two event loops that wait for their
 *  garbage collector's threads keep these from ever running on two processors. */
export const REALTIME = ['chrt', '--rr', '5'] as const;

/** Gives running processes, with all their threads, real-time priority, or takes it away. */
export function setRealtime(pids: readonly number[], on: boolean): void {
  const policy = on ? ['--rr', '--pid', '5'] : ['--other', '--pid', '0'];
  for (const pid of pids) execFileSync('chrt', ['--all-tasks', ...policy, String(pid)]);
}

/** Runs `measured` with real-time priority for these processes, if `on`. */
export async function shielded<Result>(
  pids: readonly number[],
  on: boolean,
  measured: () => Promise<Result>,
): Promise<Result> {
  if (!on) return measured();
  setRealtime(pids, true);
  try {
    return await measured();
  } finally {
    setRealtime(pids, false);
  }
}
