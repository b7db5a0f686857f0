import type { UploadResponseError } from '../../errors/index.js';
import { defineTransport } from '../transport.js';
import { http3ConfigSchema } from './config.js';
import { currentspaceEngine } from './currentspace/engine.js';
import { Http3Transport, http3Problem as problemOf } from './http3-transport.js';

/** HTTP/3 over QUIC. */
export const http3 = defineTransport({
  name: 'http3',
  summary: 'HTTP/3',
  configSchema: http3ConfigSchema,
  create: (context) => new Http3Transport(context, currentspaceEngine),
});

/** What keeps HTTP/3 from being served by so many server processes on this machine; undefined: nothing. */
export function http3Problem(processes: number): UploadResponseError | undefined {
  return problemOf(processes, currentspaceEngine);
}

export type { Http3Config } from './config.js';
