import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '../../../src/worker/index.js';
import { until } from '../../support/until.js';

export interface Report {
  readonly event: string;
  readonly [key: string]: unknown;
}

const folder = new URL('.', import.meta.url);

/** A process of this test that reports by IPC. */
export class TestProcess {
  readonly reports: Report[] = [];
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(script: string, args: readonly string[]) {
    this.#child = fork(fileURLToPath(new URL(script, folder)), args, {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.reports.push(message as Report));
    this.exited = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  count(event: string): number {
    return this.reports.filter((report) => report.event === event).length;
  }

  /** The `nth` report of this kind (from 1). */
  async report(event: string, nth = 1): Promise<Report> {
    const find = () => this.reports.filter((report) => report.event === event)[nth - 1];
    await until(() => find() !== undefined || !this.alive, `report ${nth} of "${event}"`);
    const found = find();
    if (!found) throw new Error(`the process ended without reporting "${event}"`);
    return found;
  }

  tell(message: string): void {
    this.#child.send(message);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    if (this.alive) this.#child.kill('SIGKILL');
    await this.exited;
  }
}

/** A worker process on the SDK. Resolves when it is attached. */
export async function sdkWorker(socket: string, options: WorkerOptions = {}): Promise<TestProcess> {
  const worker = new TestProcess('sdk-worker.ts', [socket, JSON.stringify(options)]);
  await worker.report('attached');
  return worker;
}
