import { defineTransport } from '../transport.js';
import { rtmpConfigSchema } from './config.js';
import { RtmpTransport } from './rtmp-transport.js';

/** RTMP and RTMPS, from publishers. */
export const rtmp = defineTransport({
  name: 'rtmp',
  summary: 'RTMP and RTMPS',
  configSchema: rtmpConfigSchema,
  create: (context) => new RtmpTransport(context),
});

export type { RtmpConfig } from './config.js';
