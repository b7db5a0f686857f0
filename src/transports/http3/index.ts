import { defineTransport } from '../transport.js';
import { http3ConfigSchema } from './config.js';
import { currentspaceEngine } from './currentspace-engine.js';
import { Http3Transport } from './http3-transport.js';

/** HTTP/3 over QUIC. */
export const http3 = defineTransport({
  name: 'http3',
  summary: 'HTTP/3',
  configSchema: http3ConfigSchema,
  create: (context) => new Http3Transport(context, currentspaceEngine),
});

export { type Http3Config, isEnabled } from './config.js';
