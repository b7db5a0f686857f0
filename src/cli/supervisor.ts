import { type ChildProcess, spawn } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Backoff } from './backoff.js';
import { CliError } from './failure.js';

/** A child that exits with it must not be started again: its module or options are wrong. */
export const PERMANENT_FAILURE = 78;

/** What a worker process is told; it travels as JSON on its command line. */
export interface WorkerProcessOptions {
  readonly module: string;
  readonly socket: string;
  readonly name: string;
  readonly concurrency?: number | undefined;
  readonly observer?: string | undefined;
  readonly required?: boolean | undefined;
}

export type SupervisorEvent =
  | { readonly event: 'worker-started'; readonly worker: string; readonly pid: number }
  | {
      readonly event: 'worker-died';
      readonly worker: string;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly restartMs: number;
    };

interface Place {
  readonly name: string;
  child: ChildProcess | undefined;
  readonly backoff: Backoff;
  timer: NodeJS.Timeout | undefined;
}

/** Keeps a number of worker processes of one module running until it is stopped. */
export class Supervisor {
  readonly #places: Place[];
  /** A process of it has started well. */
  #proven = false;
  #stopping: Promise<void> | undefined;
  #fail: (error: CliError) => void = () => {};
  #settle: () => void = () => {};
  /** Resolves when every process has ended after `stop`; rejects when the module cannot run. */
  readonly done: Promise<void>;

  constructor(
    readonly options: WorkerProcessOptions,
    processes: number,
    readonly report: (event: SupervisorEvent) => void,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    // Whoever starts a supervisor need not wait for it.
    this.done.catch(() => {});
    this.#places = Array.from({ length: processes }, (_, index) => ({
      name: processes === 1 ? options.name : `${options.name}-${index + 1}`,
      child: undefined,
      backoff: new Backoff(),
      timer: undefined,
    }));
  }

  start(): void {
    for (const place of this.#places) this.#spawn(place);
  }

  /** Asks every process to finish what it has begun; after `deadlineMs` they are killed. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stopAll(deadlineMs);
    return this.#stopping;
  }

  /** Ends every process at once. */
  kill(): void {
    for (const place of this.#places) {
      clearTimeout(place.timer);
      place.child?.kill('SIGKILL');
    }
  }

  async #stopAll(deadlineMs: number): Promise<void> {
    const running = this.#places.filter((place) => {
      clearTimeout(place.timer);
      return place.child !== undefined;
    });
    const timer = setTimeout(() => this.kill(), deadlineMs);
    await Promise.all(
      running.map((place) => {
        const child = place.child as ChildProcess;
        const exited = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
        child.kill('SIGTERM');
        // A stopped process takes its signal only when it goes on.
        child.kill('SIGCONT');
        return exited;
      }),
    );
    clearTimeout(timer);
    this.#settle();
  }

  #spawn(place: Place): void {
    const entry = new URL(`./worker-child${extname(import.meta.url)}`, import.meta.url);
    const options = { ...this.options, name: place.name };
    const child = spawn(
      process.execPath,
      [...process.execArgv, fileURLToPath(entry), JSON.stringify(options)],
      {
        // The channel tells the child that its supervisor has gone. Its own process group keeps a
        // terminal's Ctrl-C from reaching it beside the supervisor's signal. Standard output is
        // the supervisor's, for its `--json`.
        stdio: ['ignore', 2, 2, 'ipc'],
        detached: true,
      },
    );
    place.child = child;
    place.backoff.started();
    child.once('spawn', () => {
      this.report({ event: 'worker-started', worker: place.name, pid: child.pid as number });
    });
    child.once('error', (error) => this.#died(place, child, null, error.message));
    child.once('exit', (code, signal) => this.#died(place, child, code, signal));
  }

  #died(place: Place, child: ChildProcess, code: number | null, signal: string | null): void {
    if (place.child !== child) return;
    place.child = undefined;
    if (this.#stopping) return;
    this.#proven ||= this.#places.some((one) => one.backoff.steady && (one.child || one === place));
    // What has worked may work again: its files may just be exchanged, and other processes still serve.
    if (code === PERMANENT_FAILURE && !this.#proven) {
      // Its message is on standard error already.
      this.#fail(new CliError(`the worker ${this.options.module} cannot run`, 2));
      void this.stop(0);
      return;
    }
    const restartMs = place.backoff.died();
    const pid = child.pid ?? 0;
    this.report({ event: 'worker-died', worker: place.name, pid, code, signal, restartMs });
    place.timer = setTimeout(() => this.#spawn(place), restartMs);
  }
}
