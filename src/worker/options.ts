import { UploadResponseError } from '../errors/index.js';
import type { RequestHead } from '../protocols/hpks/index.js';
import { isBelow } from '../protocols/path.js';
import { defaultSocketPath } from '../ring/socket-path.js';
import type { BodyOptions } from './lane-body.js';

/** Reads beside the responder. `required`: no response passes without this observer's verdict; the
 *  server must know its name (`requiredObservers`), and processes of one name share the duty. */
export type ObserverOption = true | { readonly name: string; readonly required: true };

/** What a worker reports of itself. */
export type WorkerEvent =
  | { readonly type: 'attached'; readonly worker: number; readonly bootId: string }
  /** The server has gone; what was open is aborted with `error`. */
  | { readonly type: 'detached'; readonly error: UploadResponseError }
  /** The server is not there; the next attempt is made in `delayMs`. */
  | { readonly type: 'waiting'; readonly error: UploadResponseError; readonly delayMs: number }
  /** The user's code failed on a stream (0: in the filter, before it had one). */
  | { readonly type: 'failed'; readonly id: number; readonly error: unknown }
  /** An observer came too late for a stream's first slots and left it out. */
  | { readonly type: 'missed'; readonly id: number }
  | { readonly type: 'stopped' };

/** Where the body of a request begins for a worker: with its first slot; with the newest keyframe that is
 *  there, or the next one (`keyframe`); with what comes next (`newest`). */
export type BodyStart = 'start' | 'keyframe' | 'newest';

export interface WorkerOptions {
  /** Path of the server's control socket. Default: `UR_SOCKET`, else the server's own default. */
  readonly socket?: string | undefined;
  /** What `top` and metrics call this worker. Default: `UR_WORKER_NAME` or `node-<pid>`. */
  readonly name?: string | undefined;
  /** Exchanges at once. Default 16; an observer takes every stream. */
  readonly concurrency?: number | undefined;
  readonly observer?: ObserverOption | undefined;
  /** Takes only requests whose path (without query) is one of these or lies below one. */
  readonly paths?: readonly string[] | undefined;
  /** Takes only requests for which this returns true. Runs before the claim; must be quick. */
  readonly filter?: ((head: RequestHead) => boolean) | undefined;
  /** Compares each slot of a body with its hash. Default false. */
  readonly verify?: boolean | undefined;
  /** Body chunks are private copies, good for ever. Default false. */
  readonly copy?: boolean | undefined;
  /** Where bodies begin. Default `start`, and the only one for a required observer; the others are for live
   *  streams, which have no end and whose first slots go. */
  readonly from?: BodyStart | undefined;
  /** Stops the worker, gracefully and without a deadline, when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Attaches again, with backoff, when the server restarts. Default true. */
  readonly reconnect?: boolean | undefined;
  /** Waits for a server that is not running yet instead of rejecting. Default false. */
  readonly waitForServer?: boolean | undefined;
  /** Default: failures, and that it waits for the server, go to standard error. */
  readonly onEvent?: ((event: WorkerEvent) => void) | undefined;
}

/** The options with their defaults. */
export interface ResolvedOptions {
  readonly socket: string;
  readonly name: string;
  readonly concurrency: number;
  readonly observes: boolean;
  /** Name of the required observer, or ''. */
  readonly required: string;
  readonly wants: (head: RequestHead) => boolean;
  readonly body: BodyOptions;
  readonly from: BodyStart;
  readonly signal: AbortSignal | undefined;
  readonly reconnect: boolean;
  readonly waitForServer: boolean;
  readonly report: (event: WorkerEvent) => void;
}

const KNOWN: { readonly [Name in keyof Required<WorkerOptions>]: true } = {
  socket: true,
  name: true,
  concurrency: true,
  observer: true,
  paths: true,
  filter: true,
  verify: true,
  copy: true,
  from: true,
  signal: true,
  reconnect: true,
  waitForServer: true,
  onEvent: true,
};
const STARTS: readonly BodyStart[] = ['start', 'keyframe', 'newest'];
const DEFAULT_CONCURRENCY = 16;
const MAX_CONCURRENCY = 65536;

/** @throws UploadResponseError INVALID_ARGUMENT */
export function resolveOptions(options: WorkerOptions): ResolvedOptions {
  const { observer, paths, filter } = options;
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(KNOWN, name));
  if (unknown !== undefined) {
    const names = Object.keys(KNOWN).join(', ');
    throw new UploadResponseError('INVALID_ARGUMENT', `no option "${unknown}"; there are ${names}`);
  }
  const fallback = observer ? MAX_CONCURRENCY : DEFAULT_CONCURRENCY;
  const concurrency = options.concurrency ?? fallback;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) {
    throw new UploadResponseError('INVALID_ARGUMENT', `concurrency must be 1..${MAX_CONCURRENCY}`);
  }
  const required = typeof observer === 'object' ? observer.name : '';
  if (typeof observer === 'object' && required === '') {
    throw new UploadResponseError('INVALID_ARGUMENT', 'a required observer needs its name');
  }
  const from = options.from ?? 'start';
  if (!STARTS.includes(from)) {
    throw new UploadResponseError('INVALID_ARGUMENT', `from is one of ${STARTS.join(', ')}`);
  }
  if (required !== '' && from !== 'start') {
    throw new UploadResponseError('INVALID_ARGUMENT', 'a required observer reads from the start');
  }
  const socket = options.socket ?? defaultSocketPath();
  return {
    socket,
    name: options.name ?? process.env.UR_WORKER_NAME ?? `node-${process.pid}`,
    concurrency,
    observes: observer !== undefined,
    required,
    wants: (head) =>
      (!paths || paths.some((path) => isBelow(head.path, path))) && (!filter || filter(head)),
    body: { copy: options.copy ?? false, verify: options.verify ?? false },
    from,
    signal: options.signal,
    reconnect: options.reconnect ?? true,
    waitForServer: options.waitForServer ?? false,
    report: options.onEvent ?? reporter(socket),
  };
}

/** Pauses between attempts grow: a server that restarts is back before they are so long. */
const WORTH_A_LINE_MS = 500;

/** Failures, and what a person would wonder about: that nothing happens since no server is there. */
function reporter(socket: string): (event: WorkerEvent) => void {
  const say = (text: string) => process.stderr.write(`upload-response worker: ${text}\n`);
  let waiting = false;
  return (event) => {
    if (event.type === 'failed') {
      const { id, error } = event;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say(`stream ${id} failed: ${text}`);
    } else if (event.type === 'waiting') {
      if (waiting || event.delayMs < WORTH_A_LINE_MS) return;
      say(`waits for the server: ${event.error.message}`);
      waiting = true;
    } else if (event.type === 'attached') {
      if (waiting) say(`attached to the server at ${socket}`);
      waiting = false;
    }
  };
}
