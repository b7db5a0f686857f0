import { defineTransport } from '../transport.js';
import { http2ConfigSchema } from './config.js';
import { Http2Transport } from './http2-transport.js';

/** HTTP/2 over TLS by ALPN, and without TLS by prior knowledge. */
export const http2 = defineTransport({
  name: 'http2',
  summary: 'HTTP/2, over TLS and plain (h2c)',
  configSchema: http2ConfigSchema,
  create: (context) => new Http2Transport(context),
});

export type { Http2Config } from './config.js';
