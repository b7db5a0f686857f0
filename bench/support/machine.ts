import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** What a figure depends on beside the program. */
export interface Machine {
  readonly cpu: string;
  readonly processors: number;
  readonly caches: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
  readonly startedAt: string;
  /** Load average of the last minute when the benchmark began. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    caches: caches(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    commit: commit(),
    startedAt: new Date().toISOString(),
    load: loadavg()[0] ?? 0,
  };
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}

/** As Linux tells: "L1d 32K, L2 1024K, L3 32768K". */
function caches(): string {
  const found: string[] = [];
  for (let index = 0; index < 8; index++) {
    const read = (name: string) =>
      readFileSync(`/sys/devices/system/cpu/cpu0/cache/index${index}/${name}`, 'utf8').trim();
    try {
      const kind = { Data: 'd', Instruction: 'i' }[read('type')] ?? '';
      if (kind !== 'i') found.push(`L${read('level')}${kind} ${read('size')}`);
    } catch {
      break;
    }
  }
  return found.join(', ') || 'unknown';
}

/** Busy and total time of all processors, in ticks. */
function ticks(): { busy: number; total: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, total: busy + idle + wait };
}

const QUIET_SHARE = 0.06;
const LOOK_MS = 150;

/** Resolves when nobody uses the processors, or after `seconds`. */
export async function quietMoment(seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const before = ticks();
    await delay(LOOK_MS);
    const after = ticks();
    if (after.busy - before.busy <= QUIET_SHARE * (after.total - before.total)) return;
  }
}
