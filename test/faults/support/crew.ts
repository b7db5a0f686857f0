import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Random } from './random.js';

const script = fileURLToPath(new URL('./chaos-worker.mjs', import.meta.url));

/** How often each fault was done. */
export interface FaultCounts {
  killed: number;
  stopped: number;
  killedWhileStopped: number;
}

/** Worker processes that are killed and stopped at random; a killed one is replaced at once. */
export class Crew {
  readonly counts: FaultCounts = { killed: 0, stopped: 0, killedWhileStopped: 0 };
  readonly #members: ChildProcess[] = [];
  /** Those that have attached: killing a process that is still starting shows nothing. */
  readonly #attached = new Set<ChildProcess>();
  readonly #stopped = new Set<ChildProcess>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #dismissed = false;

  constructor(
    readonly socket: string,
    readonly random: Random,
  ) {}

  /** Resolves when `size` workers are attached. */
  async hire(size: number): Promise<void> {
    const ready = Array.from({ length: size }, () => this.#add());
    await Promise.all(ready);
  }

  /** SIGKILL, or SIGSTOP for a time that ends with SIGCONT or SIGKILL, to one of them. */
  hurt(): void {
    const victims = [...this.#attached].filter((member) => !this.#stopped.has(member));
    if (victims.length < 2) return;
    const victim = this.random.pick(victims);
    if (this.random.next() < 0.75) {
      this.counts.killed++;
      this.#attached.delete(victim);
      victim.kill('SIGKILL');
      return;
    }
    this.counts.stopped++;
    this.#stopped.add(victim);
    victim.kill('SIGSTOP');
    const resume = this.random.next() < 0.7;
    const later = setTimeout(
      () => {
        this.#timers.delete(later);
        this.#stopped.delete(victim);
        if (!resume) this.counts.killedWhileStopped++;
        victim.kill(resume ? 'SIGCONT' : 'SIGKILL');
      },
      this.random.between(20, 1500),
    );
    this.#timers.add(later);
  }

  /** Lets the stopped ones go on. */
  calm(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const member of this.#stopped) member.kill('SIGCONT');
    this.#timers.clear();
    this.#stopped.clear();
  }

  /** Kills all of them for good. */
  async dismiss(): Promise<void> {
    this.#dismissed = true;
    this.calm();
    const living = this.#members.splice(0);
    const ended = living.map((member) => new Promise((done) => member.once('exit', done)));
    for (const member of living) member.kill('SIGKILL');
    await Promise.all(ended);
  }

  #add(): Promise<void> {
    const member = fork(script, [this.socket], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#members.push(member);
    return new Promise((resolve) => {
      member.once('message', () => {
        this.#attached.add(member);
        resolve();
      });
      member.once('exit', () => {
        this.#attached.delete(member);
        resolve();
        if (this.#dismissed) return;
        this.#members.splice(this.#members.indexOf(member), 1);
        void this.#add();
      });
    });
  }
}
