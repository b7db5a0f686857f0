/** The server as a library. Workers import `upload-response/worker`. */

export { type SignUploadUrlOptions, signUploadUrl } from './admission/index.js';
export { ERRORS, type ErrorCode, UploadResponseError } from './errors/index.js';
export {
  DEFAULT_LIMITS,
  type IngressStats,
  type Limits,
  type Logger,
  type TransportExchangeStats,
} from './ingress/index.js';
export {
  type AdminAddress,
  createServer,
  type ProcessSnapshot,
  type ReloadableKey,
  type ReloadReport,
  type ReloadSource,
  reloadableKeys,
  type ServerConfig,
  type ServerOptions,
  type ServerStats,
  type UploadResponseServer,
} from './server.js';
export type { BoundAddress, TransportStats } from './transports/transport.js';
