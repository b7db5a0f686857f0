import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerConfig } from '../../../src/server.js';
import { until } from '../../support/until.js';

const script = fileURLToPath(new URL('./chaos-server.mjs', import.meta.url));

/** What the server process says of itself. */
export interface ServerState {
  readonly active: number;
  readonly lingering: number;
  readonly setAside: number;
  /** Places that are not free. */
  readonly open: number;
  readonly streams: readonly unknown[];
  readonly workers: number;
  /** Bytes. */
  readonly rss: number;
  readonly peakRss: number;
  readonly [counter: string]: unknown;
}

/** A server in a process of its own; see chaos-server.mjs. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  port = 0;

  static async start(config: ServerConfig): Promise<ServerProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'ur-faults-'));
    const server = new ServerProcess(folder, config);
    server.port = ((await server.#answer()) as { port: number }).port;
    return server;
  }

  private constructor(folder: string, config: ServerConfig) {
    this.#folder = folder;
    this.#child = fork(script, [this.socket, JSON.stringify(config)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  get socket(): string {
    return join(this.#folder, 'control.sock');
  }

  async state(): Promise<ServerState> {
    const answer = this.#answer();
    this.#child.send('state');
    return (await answer) as ServerState;
  }

  /** Resolves when every place is free and only the server itself is attached. */
  async free(workers: number, watchdogMs: number): Promise<void> {
    let state: ServerState | undefined;
    const isFree = async () => {
      state = await this.state();
      const held = state.active + state.lingering + state.setAside + state.open;
      return held === 0 && state.workers <= workers + 1;
    };
    await until(isFree, 'every stream to be free', watchdogMs).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(state)}`);
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.connected) this.#child.send('stop');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(late);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error('the server process ended'));
      this.#child.once('exit', gone);
      this.#child.once('message', (message) => {
        this.#child.off('exit', gone);
        resolve(message);
      });
    });
  }
}
