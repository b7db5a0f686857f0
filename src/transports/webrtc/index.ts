import { defineTransport } from '../transport.js';
import { webRtcConfigSchema } from './config.js';
import { WebRtcTransport } from './webrtc-transport.js';

/** WebRTC: audio, video and data channels, with WHIP for the signalling. */
export const webrtc = defineTransport({
  name: 'webrtc',
  summary: 'WebRTC media and data channels, by WHIP',
  configSchema: webRtcConfigSchema,
  create: (context) => new WebRtcTransport(context),
});

export { webRtcProblem } from './engine.js';
