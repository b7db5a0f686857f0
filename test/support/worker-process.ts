import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

/** What a test worker reports. */
export interface WorkerReport {
  readonly event: string;
  readonly [key: string]: unknown;
}

const script = fileURLToPath(new URL('./ring-worker.ts', import.meta.url));

/** A worker in a process of its own; see ring-worker.ts for what it does. */
export class WorkerProcess {
  readonly reports: WorkerReport[] = [];
  readonly #child: ChildProcess;
  readonly exited: Promise<void>;
  #echoes = 0;

  /** Resolves when the worker is attached and waits for streams. `observer`: its name; one that
   *  begins with `required-` gives verdicts. */
  static async start(socket: string, observer = ''): Promise<WorkerProcess> {
    const worker = new WorkerProcess(socket, observer);
    await worker.report('ready');
    return worker;
  }

  private constructor(socket: string, observer: string) {
    this.#child = fork(script, [socket, observer], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => {
      const report = message as WorkerReport;
      if (report.event === 'echo') this.#echoes++;
      else this.reports.push(report);
    });
    this.exited = new Promise((resolve) => this.#child.once('exit', () => resolve()));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first report of this kind that `from` reports before it did not have. */
  async report(event: string, from = 0): Promise<WorkerReport> {
    const find = () => this.reports.slice(from).find((report) => report.event === event);
    await until(() => find() !== undefined || !this.alive, `a worker's report "${event}"`);
    const found = find();
    if (!found) throw new Error(`the worker ended without reporting "${event}"`);
    return found;
  }

  /** Resolves when everything that it has reported until now is in `reports`. */
  async heard(): Promise<void> {
    if (!this.alive) return;
    const echoes = this.#echoes;
    // It may die at this moment.
    this.#child.send({ event: 'echo' }, () => {});
    await until(() => this.#echoes > echoes || !this.alive, 'the echo of a worker');
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    if (this.alive) this.#child.kill('SIGKILL');
    await this.exited;
  }
}
