import type { TestContext } from 'node:test';
import { attach, type WorkerEvent, type WorkerOptions } from '../../../src/worker/index.js';
import { until as waitUntil } from '../../support/until.js';
import { socketFolder, type TinyOptions, TinyServer } from './tiny-server.js';

/** No test may take longer, in ms. */
export const bounded = { timeout: 20_000 };

/** A tiny server for one test, and workers that are stopped at the test's end. */
export class Fixture {
  server: TinyServer;
  readonly socket: string;
  readonly events: WorkerEvent[] = [];
  readonly #ends: (() => unknown)[] = [];
  readonly #options: Omit<TinyOptions, 'socket'>;

  constructor(context: TestContext, options: Omit<TinyOptions, 'socket'> = {}) {
    const { socket, clean } = socketFolder();
    this.socket = socket;
    this.#options = options;
    this.server = new TinyServer({ ...options, socket });
    context.after(async () => {
      for (const end of this.#ends.reverse()) await end();
      this.server.close();
      clean();
    });
  }

  /** A new server in the place of the old one, which has died. */
  restart(): void {
    this.server.close();
    this.server = new TinyServer({ ...this.#options, socket: this.socket });
  }

  /** A responder in this process. */
  async worker(options: Omit<WorkerOptions, 'observer'> = {}) {
    const worker = await attach({ ...this.#common, ...options, observer: undefined });
    this.onEnd(() => worker.stop({ deadlineMs: 0 }));
    return worker;
  }

  async observer(options: WorkerOptions & { observer: NonNullable<WorkerOptions['observer']> }) {
    const worker = await attach({ ...this.#common, ...options });
    this.onEnd(() => worker.stop({ deadlineMs: 0 }));
    return worker;
  }

  onEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Codes of the failures that the workers reported. */
  get failures(): unknown[] {
    return this.events.flatMap((event) =>
      event.type === 'failed' ? [(event.error as { code?: string }).code ?? event.error] : [],
    );
  }

  get #common() {
    return { socket: this.socket, onEvent: (event: WorkerEvent) => this.events.push(event) };
  }
}

/** Resolves as soon as `condition` holds; the watchdog is shorter than the test's. */
export function until(condition: () => unknown): Promise<void> {
  return waitUntil(() => Boolean(condition()), condition.toString(), 15_000);
}

/** A promise with its handles. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** For `assert.rejects` and `assert.throws`: an error of this code. */
export const code = (wanted: string) => (error: unknown) =>
  (error as { code?: string }).code === wanted;
