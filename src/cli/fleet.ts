import cluster, { type Worker } from 'node:cluster';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, UploadResponseError } from '../errors/index.js';
import type { Address } from './announcement.js';
import { Backoff } from './backoff.js';
import { CliError } from './failure.js';
import type { FromIngress, ToIngress } from './ingress-messages.js';
import type { ServeConfig } from './serve-setup.js';
import type { Serving } from './serving.js';

/** Beyond the time that requests have to finish: to close and to end. */
const END_MS = 5_000;

export type FleetEvent =
  | { readonly event: 'process-started'; readonly process: string; readonly pid: number }
  | {
      readonly event: 'process-died';
      readonly process: string;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly restartMs: number;
    }
  | {
      readonly event: 'process-failed';
      readonly process: string;
      readonly code: ErrorCode | undefined;
      readonly message: string;
    };

interface Place {
  readonly name: string;
  readonly backoff: Backoff;
  child: Worker | undefined;
  /** It has bound the ports, and so has the segment. */
  ready: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keeps `server.processes` ingress processes running, on one segment and the same ports. This process
 * only binds the ports and starts children: they accept by themselves, so that no connection passes
 * through here, and go on until they have finished should this process die.
 */
export class Fleet implements Serving {
  readonly #config: ServeConfig;
  readonly #report: (event: FleetEvent) => void;
  readonly #places: readonly Place[];
  #stopping = false;

  constructor(config: ServeConfig, report: (event: FleetEvent) => void) {
    this.#config = config;
    this.#report = report;
    this.#places = Array.from({ length: config.server.processes }, (_, index) => ({
      name: `server-${index + 1}`,
      backoff: new Backoff(),
      child: undefined,
      ready: false,
      timer: undefined,
    }));
  }

  /** Rejects with what a process could not do; the others are ended then. */
  async listen(): Promise<readonly Address[]> {
    const entry = new URL(`./ingress-child${extname(import.meta.url)}`, import.meta.url);
    // Round robin would carry every connection through this process.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    // Standard output is this process's, for its `--json`.
    cluster.setupPrimary({ exec: fileURLToPath(entry), args: [], stdio: ['ignore', 2, 2, 'ipc'] });
    const [first, ...others] = this.#places as [Place, ...Place[]];
    try {
      const addresses = await this.#start(first);
      await Promise.all(others.map((place) => this.#start(place)));
      return addresses;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#end(
      ({ child }) => child?.isConnected() && child.send({ type: 'stop' } satisfies ToIngress),
      this.#config.shutdown.drainTimeoutMs + END_MS,
    );
  }

  async close(): Promise<void> {
    await this.#end(({ child }) => child?.process.kill('SIGKILL'), END_MS);
  }

  async #end(tell: (place: Place) => unknown, deadlineMs: number): Promise<void> {
    this.#stopping = true;
    const ended = this.#places.map((place) => {
      clearTimeout(place.timer);
      const { child } = place;
      if (!child || child.isDead()) return undefined;
      const exited = new Promise((resolve) => child.once('exit', resolve));
      tell(place);
      return exited;
    });
    const late = setTimeout(() => {
      for (const { child } of this.#places) child?.process.kill('SIGKILL');
    }, deadlineMs);
    await Promise.all(ended);
    clearTimeout(late);
  }

  /** Starts a process for the first time. */
  async #start(place: Place): Promise<readonly Address[]> {
    return new Promise((resolve, reject) => {
      this.#fork(place, (message) => {
        if (message?.type === 'listening') resolve(message.addresses);
        else reject(failureOf(place, message));
      });
    });
  }

  /** `settled` is told once how the start went; without a message the process just ended. */
  #fork(place: Place, settled: (message: FromIngress | undefined) => void): void {
    // Whoever makes a segment anew makes it for all: only when none is left that has the old one.
    const join = this.#places.some((other) => other !== place && other.ready);
    const child = cluster.fork();
    place.child = child;
    place.backoff.started();
    child.once('online', () => {
      this.#report({
        event: 'process-started',
        process: place.name,
        pid: child.process.pid as number,
      });
    });
    child.on('message', (message: FromIngress) => {
      if (message.type === 'ready') {
        const order = { type: 'serve', config: this.#config, name: place.name, join } as const;
        child.send(order satisfies ToIngress);
        return;
      }
      place.ready = message.type === 'listening';
      settled(message);
    });
    child.once('error', () => undefined); // 'exit' follows
    child.once('exit', (code, signal) => {
      settled(undefined);
      this.#died(place, child, code, signal);
    });
  }

  #died(place: Place, child: Worker, code: number | null, signal: string | null): void {
    place.ready = false;
    place.child = undefined;
    if (this.#stopping) return;
    const restartMs = place.backoff.died();
    const pid = child.process.pid ?? 0;
    this.#report({ event: 'process-died', process: place.name, pid, code, signal, restartMs });
    place.timer = setTimeout(
      () => this.#fork(place, (message) => this.#again(place, message)),
      restartMs,
    );
  }

  #again(place: Place, message: FromIngress | undefined): void {
    if (message?.type !== 'failed') return;
    const { code, message: text } = message;
    this.#report({ event: 'process-failed', process: place.name, code, message: text });
  }
}

function failureOf(place: Place, message: FromIngress | undefined): Error {
  if (message?.type !== 'failed') return new CliError(`${place.name} ended before it listened`);
  const { code, message: text, exitCode } = message;
  if (!code) return new CliError(text, exitCode);
  return Object.assign(new UploadResponseError(code), { message: text });
}
