import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const TIMEOUT_MS = 120_000;

/** A process of a trial, which answers questions; see processes/control.mjs for its side. */
export class Child<Ready = unknown> {
  readonly #process: ChildProcess;
  readonly #name: string;
  #waiting: ((message: { result?: unknown; error?: string }) => void) | undefined;
  ready!: Ready;

  /** Resolves when the process is ready. */
  static async start<Ready>(
    name: string,
    options: object,
    execArgv: readonly string[] = [],
  ): Promise<Child<Ready>> {
    const child = new Child<Ready>(name, options, execArgv);
    child.ready = (await child.#answer()) as Ready;
    return child;
  }

  private constructor(name: string, options: object, execArgv: readonly string[]) {
    this.#name = name;
    const script = fileURLToPath(new URL(`./processes/${name}.mjs`, import.meta.url));
    this.#process = fork(script, [JSON.stringify(options)], { execArgv: [...execArgv] });
    this.#process.on('message', (message) => this.#waiting?.(message as { result?: unknown }));
    this.#process.once('exit', () => this.#waiting?.({ error: 'it has ended' }));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Asks one question; one at a time. */
  async ask<Result>(op: string, options: object = {}): Promise<Result> {
    const answer = this.#answer();
    this.#process.send({ op, ...options });
    return (await answer) as Result;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.disconnect();
    await ended;
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail('it does not answer'), TIMEOUT_MS);
      const fail = (text: string) => {
        clearTimeout(timer);
        reject(new Error(`${this.#name}: ${text}`));
      };
      this.#waiting = ({ result, error }) => {
        if (error !== undefined) return fail(error);
        clearTimeout(timer);
        resolve(result);
      };
    });
  }
}
