import { execFileSync } from 'node:child_process';

/** Runs a command at real-time priority. */
export const REALTIME = ['chrt', '--fifo', '5'] as const;

/** Gives running processes, with all their threads, real-time priority, or takes it away. */
export function setRealtime(pids: readonly number[], on: boolean): void {
  const policy = on ? ['--fifo', '--pid', '5'] : ['--other', '--pid', '0'];
  for (const pid of pids) execFileSync('chrt', ['--all-tasks', ...policy, String(pid)]);
}
