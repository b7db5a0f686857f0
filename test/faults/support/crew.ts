import { LANGUAGES } from '../../worker-conformance/languages.js';
import { type Language, Program } from '../../worker-conformance/program.js';
import type { Random } from './random.js';

/** How often each fault was done. */
export interface FaultCounts {
  killed: number;
  stopped: number;
  killedWhileStopped: number;
}

/** Worker processes of every language in turn, which are killed and stopped at random; a killed one is
 *  replaced at once. */
export class Crew {
  readonly counts: FaultCounts = { killed: 0, stopped: 0, killedWhileStopped: 0 };
  readonly #members: Program[] = [];
  /** Those that have attached: killing a process that is still starting shows nothing. */
  readonly #attached = new Set<Program>();
  readonly #stopped = new Set<Program>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #dismissed = false;

  constructor(
    readonly socket: string,
    readonly random: Random,
  ) {}

  /** Resolves when `size` workers are attached. */
  async hire(size: number): Promise<void> {
    const languages = Array.from({ length: size }, (_, i) => LANGUAGES[i % LANGUAGES.length]);
    await Promise.all(languages.map((language) => this.#add(language as Language)));
  }

  /** SIGKILL, or SIGSTOP for a time that ends with SIGCONT or SIGKILL, to one of them. */
  hurt(): void {
    const victims = [...this.#attached].filter((member) => !this.#stopped.has(member));
    if (victims.length < 2) return;
    const victim = this.random.pick(victims);
    if (this.random.next() < 0.75) {
      this.counts.killed++;
      this.#attached.delete(victim);
      victim.signal('SIGKILL');
      return;
    }
    this.counts.stopped++;
    this.#stopped.add(victim);
    victim.signal('SIGSTOP');
    const resume = this.random.next() < 0.7;
    const later = setTimeout(
      () => {
        this.#timers.delete(later);
        this.#stopped.delete(victim);
        if (!resume) this.counts.killedWhileStopped++;
        victim.signal(resume ? 'SIGCONT' : 'SIGKILL');
      },
      this.random.between(20, 1500),
    );
    this.#timers.add(later);
  }

  /** Lets the stopped ones go on. */
  calm(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const member of this.#stopped) member.signal('SIGCONT');
    this.#timers.clear();
    this.#stopped.clear();
  }

  /** Kills all of them for good. */
  async dismiss(): Promise<void> {
    this.#dismissed = true;
    this.calm();
    await Promise.all(this.#members.splice(0).map((member) => member.kill()));
  }

  /** Resolves when it is attached, or has ended. */
  async #add(language: Language): Promise<void> {
    const member = new Program(language, this.socket, { work: 'chaos' });
    this.#members.push(member);
    void member.exited.then(() => {
      this.#attached.delete(member);
      if (this.#dismissed) return;
      this.#members.splice(this.#members.indexOf(member), 1);
      void this.#add(language);
    });
    await member.event('attached').catch(() => undefined);
    if (member.alive) this.#attached.add(member);
  }
}
