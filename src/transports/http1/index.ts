import { defineTransport } from '../transport.js';
import { http1ConfigSchema } from './config.js';
import { Http1Transport } from './http1-transport.js';

/** HTTP/1.1 over TCP and TLS. */
export const http1 = defineTransport({
  name: 'http1',
  summary: 'HTTP/1.1, plain and TLS',
  configSchema: http1ConfigSchema,
  create: (context) => new Http1Transport(context),
});

export type { Http1Config } from './config.js';
