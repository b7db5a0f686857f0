import type { Exchange } from './exchange.js';
import type { Observation } from './observation.js';
import type { ObserverOption, WorkerOptions } from './options.js';
import { type AnyWorker, Worker } from './worker.js';

/** Told of every worker that this process starts. */
const listeners = new Set<(worker: AnyWorker) => void>();

/**
 * Attaches this process to the server as a worker.
 * @throws UploadResponseError SERVER_GONE, PERMISSION_DENIED, ABI_MISMATCH, NO_FREE_WORKER,
 *   UNKNOWN_OBSERVER, NATIVE_UNAVAILABLE, INVALID_ARGUMENT
 */
export function attach(
  options: WorkerOptions & { readonly observer: ObserverOption },
): Promise<Worker<Observation>>;
export function attach(
  options?: WorkerOptions & { readonly observer?: undefined },
): Promise<Worker<Exchange>>;
export async function attach(options: WorkerOptions = {}): Promise<AnyWorker> {
  const worker = (await Worker.start(options)) as AnyWorker;
  for (const listener of listeners) listener(worker);
  return worker;
}

/** Resolves with the next worker that this process starts, by whatever code. */
export function nextStarted(): { readonly worker: Promise<AnyWorker>; cancel(): void } {
  let listener: (worker: AnyWorker) => void = () => undefined;
  const worker = new Promise<AnyWorker>((resolve) => {
    listener = resolve;
  });
  listeners.add(listener);
  return { worker, cancel: () => listeners.delete(listener) };
}
