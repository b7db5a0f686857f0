import { defineTransport } from '../transport.js';
import { webSocketConfigSchema } from './config.js';
import { WebSocketTransport } from './websocket-transport.js';

/** WebSocket, on the listeners and below the prefix of HTTP/1.1. */
export const websocket = defineTransport({
  name: 'websocket',
  summary: 'WebSocket, plain and TLS',
  configSchema: webSocketConfigSchema,
  create: (context) => new WebSocketTransport(context),
});

export type { WebSocketConfig } from './config.js';
