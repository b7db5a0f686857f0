import { defineTransport } from '../transport.js';
import { srtConfigSchema } from './config.js';
import { SrtTransport } from './srt-transport.js';

/** SRT, live and file mode. */
export const srt = defineTransport({
  name: 'srt',
  summary: 'SRT',
  configSchema: srtConfigSchema,
  create: (context) => new SrtTransport(context),
});

export type { SrtConfig } from './config.js';
