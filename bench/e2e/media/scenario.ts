import type { Workspace } from '../trial.js';
import type { MediaTrial } from './transfer.js';

/** Who receives: this server with a worker, the same library alone, another program. */
export type ReceiverKind = 'ring' | 'raw' | 'peer';

export interface MediaSetting {
  readonly seed: number;
  readonly realtime: boolean;
  readonly workspace: Workspace;
}

/** One way of sending. */
export interface MediaScenario {
  readonly label: string;
  /** Name of the program that receives as `peer`. */
  readonly peer?: string;
  /** SHA-256 of so many bytes as the worker reads them, where these are not those that were sent. */
  digestOf?(seed: number, totalBytes: number): string;
  /** Why it cannot be measured here, and what helps; undefined: it can. */
  missing(kind: ReceiverKind): string | undefined;
  start(kind: ReceiverKind, setting: MediaSetting): Promise<MediaTrial>;
}
