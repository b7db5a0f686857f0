import type { ErrorCode } from '../errors/index.js';
import type { Address } from './announcement.js';
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
  | { readonly type: 'stop' };

/** What an ingress process says to `serve`. */
export type FromIngress =
  /** It can hear: what was said before is lost. */
  | { readonly type: 'ready' }
  | { readonly type: 'listening'; readonly addresses: readonly Address[] }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode | undefined;
      readonly message: string;
      readonly exitCode: number;
    };
