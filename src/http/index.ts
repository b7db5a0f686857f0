/** What HTTP/1.1, HTTP/2 and WebSocket share: TCP listeners, TLS, routes. */

export { callerOf, certificateOf } from './caller.js';
export { type HttpConfig, httpConfigSchema, tlsListenerSchema } from './config.js';
export { guardConnections } from './connection-guard.js';
export { gatherBody } from './gather-body.js';
export { type Http1Taker, type Http2Taker, HttpFront, type HttpLimits } from './http-front.js';
export { bind, type Endpoint, reachable } from './listeners.js';
export { isLoopback } from './loopback.js';
export { endWithAnswer, rawResponse, refuseConnection } from './raw-answer.js';
export type { ReloadStep } from './reload-step.js';
export {
  badRequest,
  type Field,
  fieldsOf,
  hostOf,
  normalizeTarget,
  valuesOf,
} from './request-fields.js';
export { type RawRequest, type RawResponse, WEBSOCKET_ONLY } from './routes.js';
export { tcpSocketOf } from './tcp-socket.js';
export { TlsFiles } from './tls-files.js';
export type { WebSocketTaker } from './upgrades.js';
