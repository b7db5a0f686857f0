import type { ErrorCode } from '../errors/index.js';
import type { ReloadSource } from '../server.js';
import type { Listening } from './announcement.js';
import type { Answer, Question } from './questions.js';
import type { ServeConfig } from './serve-setup.js';

/** What `serve` says to one of its ingress processes. */
export type ToIngress =
  | {
      readonly type: 'serve';
      readonly config: ServeConfig;
      readonly name: string;
      /** Another process has the segment already. */
      readonly join: boolean;
    }
  | { readonly type: 'stop' }
  | (Question & { readonly about: AboutIngress })
  | Answer;

/** What an ingress process can be asked. */
export type AboutIngress =
  /** Answered with a `ReloadReport`. */
  | { readonly topic: 'reload'; readonly source: ReloadSource }
  /** A configuration could not be read: the process logs and counts that. Answered with nothing. */
  | { readonly topic: 'refused'; readonly code: ErrorCode | undefined; readonly message: string }
  /** Answered with a `ProcessSnapshot`. */
  | { readonly topic: 'snapshot' };

/** What `serve` can be asked by its ingress processes: the `ProcessSnapshot`s of the others. */
export type AboutFleet = { readonly topic: 'snapshots' };

/** What an ingress process says to `serve`. */
export type FromIngress =
  /** It can hear: what was said before is lost. */
  | { readonly type: 'ready' }
  | ({ readonly type: 'listening' } & Listening)
  | {
      readonly type: 'failed';
      readonly code: ErrorCode | undefined;
      readonly message: string;
      readonly exitCode: number;
    }
  | (Question & { readonly about: AboutFleet })
  | Answer;
