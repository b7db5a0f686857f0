import type { StreamFacts } from '../ingress/index.js';
import type { Segment } from '../ring/index.js';
import type { ControlConfig } from './config.js';
import type { RemoteWorkers } from './remote-workers.js';
import type { Watcher } from './watcher.js';

/** What the routes work with. */
export interface ControlContext {
  /** The server's own attachment. */
  readonly segment: Segment;
  /** Of the streams of this process, by id. */
  facts(): ReadonlyMap<number, StreamFacts>;
  readonly remotes: RemoteWorkers;
  readonly watcher: Watcher;
  readonly config: ControlConfig;
}

/** How long a request waits that asks for so many ms: not longer than any may. */
export function waitOf(
  { config }: ControlContext,
  asked: number | undefined,
  otherwise = 0,
): number {
  return Math.min(asked ?? otherwise, config.maxWaitMs);
}
