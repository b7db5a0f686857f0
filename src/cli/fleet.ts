import cluster, { type Worker } from 'node:cluster';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, UploadResponseError } from '../errors/index.js';
import type { ProcessSnapshot, ReloadReport, ReloadSource } from '../server.js';
import type { Listening } from './announcement.js';
import { Backoff } from './backoff.js';
import { CliError } from './failure.js';
import type { AboutIngress, FromIngress, ToIngress } from './ingress-messages.js';
import { answer, Questions } from './questions.js';
import { drainDeadlineMs, type ServeConfig } from './serve-setup.js';
import type { Serving } from './serving.js';

/** Beyond the time that requests have to finish: to close and to end. */
const END_MS = 5_000;
/** Key sets and certificates are files; a process that is busy for longer is not well. */
const RELOAD_MS = 10_000;
/** Less than a process waits for all of them. */
const SNAPSHOT_MS = 1_000;

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
  /** What it was started with, or has taken over since. */
  config: ServeConfig | undefined;
  questions: Questions | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keeps `server.processes` ingress processes running, on one segment and the same ports. This process
 * only binds the ports and starts children: they accept by themselves, so that no connection passes
 * through here, and go on until they have finished should this process die.
 */
export class Fleet implements Serving {
  config: ServeConfig;
  readonly #report: (event: FleetEvent) => void;
  readonly #places: readonly Place[];
  #stopping = false;

  constructor(config: ServeConfig, report: (event: FleetEvent) => void) {
    this.config = config;
    this.#report = report;
    this.#places = Array.from({ length: config.server.processes }, (_, index) => ({
      name: `server-${index + 1}`,
      backoff: new Backoff(),
      child: undefined,
      ready: false,
      config: undefined,
      questions: undefined,
      timer: undefined,
    }));
  }

  /** Rejects with what a process could not do; the others are ended then. */
  async listen(): Promise<Listening> {
    const entry = new URL(`./ingress-child${extname(import.meta.url)}`, import.meta.url);
    // Round robin would carry every connection through this process.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    // Standard output is this process's, for its `--json`.
    cluster.setupPrimary({ exec: fileURLToPath(entry), args: [], stdio: ['ignore', 2, 2, 'ipc'] });
    const [first, ...others] = this.#places as [Place, ...Place[]];
    try {
      const listening = await this.#start(first);
      await Promise.all(others.map((place) => this.#start(place)));
      return listening;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** One process tries it before the others and those to come: what it refuses nobody gets. */
  async reload(read: () => Promise<ReloadSource>): Promise<ReloadReport> {
    const [first, ...others] = this.#places.filter(({ ready }) => ready);
    if (!first) throw new CliError('no server process is there that could take it over');
    const source = await this.#read(first, read);
    const report = await ask<ReloadReport>(first, { topic: 'reload', source }, RELOAD_MS);
    this.config = { ...this.config, ...report.config, segment: this.config.segment };
    first.config = this.config;
    await Promise.all(others.map((place) => this.#catchUp(place, source)));
    return report;
  }

  async stop(): Promise<void> {
    await this.#end(
      ({ child }) => child?.isConnected() && child.send({ type: 'stop' } satisfies ToIngress),
      drainDeadlineMs(this.config.shutdown) + END_MS,
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

  /** What cannot even be read is logged and counted by one of the processes. */
  async #read(place: Place, read: () => Promise<ReloadSource>): Promise<ReloadSource> {
    try {
      return await read();
    } catch (error) {
      const code = error instanceof UploadResponseError ? error.code : undefined;
      const { message } = error as Error;
      await ask(place, { topic: 'refused', code, message }, RELOAD_MS).catch(() => {});
      throw error;
    }
  }

  /** A process that cannot take over what another one could is started again with it. */
  async #catchUp(place: Place, source: ReloadSource): Promise<void> {
    const { config } = this;
    try {
      await ask(place, { topic: 'reload', source }, RELOAD_MS);
      place.config = config;
    } catch {
      place.child?.process.kill('SIGTERM');
    }
  }

  async #snapshotsBeside(asker: Place): Promise<ProcessSnapshot[]> {
    const others = this.#places.filter((place) => place !== asker && place.ready);
    const about = { topic: 'snapshot' } as const;
    const found = await Promise.all(
      others.map((place) => ask<ProcessSnapshot>(place, about, SNAPSHOT_MS).catch(() => undefined)),
    );
    return found.filter((one) => one !== undefined);
  }

  /** Starts a process for the first time. */
  async #start(place: Place): Promise<Listening> {
    return new Promise((resolve, reject) => {
      this.#fork(place, (message) => {
        if (message?.type === 'listening') resolve(message);
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
    place.questions = new Questions((question) => child.send(question));
    child.on('message', (message: FromIngress) => {
      if (message.type === 'ready') {
        place.config = this.config;
        const order = { type: 'serve', config: this.config, name: place.name, join } as const;
        child.send(order satisfies ToIngress);
      } else if (message.type === 'answer') {
        place.questions?.take(message);
      } else if (message.type === 'question') {
        void answer(message.id, () => this.#snapshotsBeside(place)).then((reply) => {
          if (child.isConnected()) child.send(reply);
        });
      } else {
        place.ready = message.type === 'listening';
        settled(message);
        // It was started while another configuration was taken over.
        if (place.ready && place.config !== this.config) {
          void this.#catchUp(place, { config: this.config });
        }
      }
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
    place.questions?.end();
    place.questions = undefined;
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

function ask<Value>(place: Place, about: AboutIngress, timeoutMs: number): Promise<Value> {
  if (!place.questions) return Promise.reject(new CliError(`${place.name} has ended`));
  return place.questions.ask<Value>(about, timeoutMs);
}

function failureOf(place: Place, message: FromIngress | undefined): Error {
  if (message?.type !== 'failed') return new CliError(`${place.name} ended before it listened`);
  const { code, message: text, exitCode } = message;
  if (!code) return new CliError(text, exitCode);
  return Object.assign(new UploadResponseError(code), { message: text });
}
