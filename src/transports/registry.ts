import { http1 } from './http1/index.js';
import { http3 } from './http3/index.js';

/** Every transport, by the name it has in the configuration. One line each. */
export const TRANSPORTS = { http1, http3 } as const;

export type TransportName = keyof typeof TRANSPORTS;
