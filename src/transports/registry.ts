import { http1 } from './http1/index.js';
import { http2 } from './http2/index.js';
import { http3 } from './http3/index.js';
import { rtmp } from './rtmp/index.js';
import { srt } from './srt/index.js';
import { tcp } from './tcp/index.js';
import { webrtc } from './webrtc/index.js';
import { websocket } from './websocket/index.js';

/** Every transport, by the name it has in the configuration. One line each. */
export const TRANSPORTS = { http1, http2, http3, websocket, webrtc, rtmp, srt, tcp } as const;

export type TransportName = keyof typeof TRANSPORTS;
