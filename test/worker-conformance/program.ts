import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { until, within } from '../support/until.js';

/** An event of a program; README.md has them all. */
export interface ProgramEvent {
  readonly event: string;
  readonly stream?: number;
  readonly bytes?: number;
  readonly crc32?: string;
  readonly code?: string;
  readonly units?: number;
  readonly first?: number;
  readonly keys?: number;
}

/** A language's SDK, as a program that does what README.md says. */
export interface Language {
  readonly name: string;
  /** Program and first arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a program is to do. */
export interface Duty {
  readonly role?: 'responder' | 'observer' | 'late' | `required:${string}`;
  readonly work: string;
  readonly argument?: string | number;
}

/** A running program. */
export class Program {
  readonly events: ProgramEvent[] = [];
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #stderr = '';

  constructor(
    readonly language: Language,
    socket: string,
    { role = 'responder', work, argument }: Duty,
  ) {
    const [command, ...args] = language.command;
    const duty = [socket, role, work, ...(argument === undefined ? [] : [String(argument)])];
    this.#child = spawn(command, [...args, ...duty], {
      env: { ...process.env, ...language.env },
      stdio: 'pipe',
    });
    createInterface({ input: this.#child.stdout as Readable }).on('line', (line) =>
      this.events.push(JSON.parse(line)),
    );
    this.#child.stderr?.on('data', (text) => {
      this.#stderr += text;
    });
    this.exited = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote to standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  all(event: string): ProgramEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  /** The `nth` event of this kind, from 1. */
  async event(event: string, nth = 1): Promise<ProgramEvent> {
    const what = `${this.language.name}: event ${nth} "${event}"`;
    await until(() => this.all(event).length >= nth || !this.alive, what);
    // What it has written last comes after its end.
    if (this.all(event).length < nth) await within(this.exited, `the end of ${what}`);
    const found = this.all(event)[nth - 1];
    if (!found) throw new Error(`${what} did not come; it ended:\n${this.#stderr}`);
    return found;
  }

  /** The word that some works wait for. */
  tell(): void {
    this.#child.stdin?.write('go\n');
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Stops it gracefully; resolves with its exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return this.exited;
  }

  async kill(): Promise<void> {
    if (this.alive) this.#child.kill('SIGKILL');
    await this.exited;
  }
}
