import { defineTransport } from '../transport.js';
import { webRtcConfigSchema } from './config.js';
import { WebRtcTransport } from './webrtc-transport.js';

/** WebRTC: data channels, with WHIP for the signalling. */
export const webrtc = defineTransport({
  name: 'webrtc',
  summary: 'WebRTC data channels, by WHIP',
  configSchema: webRtcConfigSchema,
  create: (context) => new WebRtcTransport(context),
});

export { webRtcProblem } from './engine.js';
