import { resolve as resolvePath } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { UploadResponseError } from '../errors/index.js';
import { attach, nextStarted } from './attach.js';
import type { Exchange } from './exchange.js';
import type { Observation } from './observation.js';
import type { WorkerOptions } from './options.js';
import { answerWith, type FetchHandler } from './serve.js';
import { stopOnSignals } from './signals.js';
import { type AnyWorker, type StopOptions, Worker } from './worker.js';

/** What a worker module may export as its default; a named export `options` sets WorkerOptions. A
 *  module that attaches by itself exports nothing. */
export type WorkerModule =
  | ((exchange: Exchange) => unknown)
  | { readonly handle: (exchange: Exchange) => unknown }
  | { readonly fetch: FetchHandler };

export interface RunWorkerOptions extends WorkerOptions, StopOptions {
  /** Stops gracefully at SIGTERM and SIGINT. Default true. */
  readonly handleSignals?: boolean | undefined;
}

/**
 * Runs a worker module until it is stopped: what `upload-response worker <module>` does. A server
 * that is not running yet is waited for. Given options win over the module's own; a module that
 * attaches by itself sees only `socket` and `name`, as UR_SOCKET and UR_WORKER_NAME.
 *
 * @param module path or URL of the module, or what it exports
 * @throws UploadResponseError INVALID_WORKER_MODULE; WORKER_MODULE_FAILED, whose `cause` is what the
 *   module threw; and as `attach`
 */
export async function runWorker(
  module: string | URL | object,
  options: RunWorkerOptions = {},
): Promise<AnyWorker> {
  const { deadlineMs, handleSignals = true, ...given } = options;
  const worker = await start(module, given);
  if (handleSignals) stopOnSignals(worker, { deadlineMs });
  return worker;
}

async function start(module: string | URL | object, given: WorkerOptions): Promise<AnyWorker> {
  if (given.socket) process.env.UR_SOCKET = given.socket;
  if (given.name) process.env.UR_WORKER_NAME = given.name;
  const started = nextStarted();
  try {
    // A program that awaits its own worker never ends its import.
    const loaded = await Promise.race([load(module), started.worker]);
    if (loaded instanceof Worker) return loaded;
    if (loaded.default === undefined) {
      const own = await Promise.race([started.worker, nextTurn()]);
      if (own) return own;
    }
    const options = { waitForServer: true, ...moduleOptions(loaded), ...defined(given) };
    const handler = handlerOf(loaded, options);
    const worker = await attach(handler.options as WorkerOptions & { observer?: undefined });
    void worker.run(handler.handle);
    return worker;
  } finally {
    started.cancel();
  }
}

interface Handler {
  readonly handle: (work: Exchange) => unknown;
  readonly options: WorkerOptions;
}

function handlerOf(exported: Exports, options: WorkerOptions): Handler {
  const main = exported.default;
  if (typeof main === 'function') return { handle: main as Handler['handle'], options };
  const { handle, fetch } = (main ?? {}) as { handle?: unknown; fetch?: unknown };
  if (typeof handle === 'function') {
    return { handle: (work: Exchange | Observation) => handle.call(main, work), options };
  }
  if (typeof fetch === 'function') {
    if (options.observer) {
      throw new UploadResponseError('INVALID_WORKER_MODULE', 'a fetch handler cannot observe');
    }
    const answer: FetchHandler = (request, context) => fetch.call(main, request, context);
    return { handle: (work: Exchange) => answerWith(answer, work), options };
  }
  throw new UploadResponseError('INVALID_WORKER_MODULE');
}

interface Exports {
  readonly default?: unknown;
  readonly options?: unknown;
}

async function load(module: string | URL | object): Promise<Exports> {
  if (typeof module === 'object' && !(module instanceof URL)) {
    return 'default' in module ? module : { default: module };
  }
  if (typeof module === 'function') return { default: module };
  const text = String(module);
  const url = /^(file|data|node):/.test(text) ? text : pathToFileURL(resolvePath(text)).href;
  try {
    return (await import(url)) as Exports;
  } catch (cause) {
    // The module's own attach says better what is wrong.
    if (cause instanceof UploadResponseError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UploadResponseError('WORKER_MODULE_FAILED', `${text}: ${reason}`, { cause });
  }
}

function moduleOptions(exported: Exports): WorkerOptions {
  const { options } = exported;
  if (options === undefined) return {};
  if (options !== null && typeof options === 'object') return options;
  throw new UploadResponseError('INVALID_WORKER_MODULE', 'the export "options" is not an object');
}

/** Without the keys whose value is undefined: they would hide the module's own. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}
