import { defineTransport } from '../transport.js';
import { tcpConfigSchema } from './config.js';
import { TcpTransport } from './tcp-transport.js';

/** Raw TCP and TLS: a connection's bytes are a request's body. */
export const tcp = defineTransport({
  name: 'tcp',
  summary: 'raw TCP and TLS',
  configSchema: tcpConfigSchema,
  create: (context) => new TcpTransport(context),
});

export type { TcpConfig } from './config.js';
