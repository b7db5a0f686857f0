/** What HTTP/1.1, HTTP/2 and WebSocket share: TCP listeners, TLS, routes. */

export { callerOf, certificateOf } from './caller.js';
export { type HttpConfig, httpConfigSchema } from './config.js';
export { fieldPairs } from './fields.js';
export { type Http1Taker, type Http2Taker, HttpFront, type HttpLimits } from './http-front.js';
export { type Endpoint, reachable } from './listeners.js';
export { tcpSocketOf } from './tcp-socket.js';
