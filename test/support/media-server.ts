import type { ServerConfig } from '../../src/server.js';
import { RtmpServer } from './rtmp.js';
import type { TestServerOptions } from './test-server.js';

type WebRtcOptions = Partial<NonNullable<NonNullable<ServerConfig['transports']>['webrtc']>>;

/** A server with WebRTC, and one worker that takes access units apart. */
export function startMediaServer(
  webrtc: WebRtcOptions = {},
  options: TestServerOptions = {},
): Promise<RtmpServer> {
  const config = { enabled: true, origins: ['*'], ...webrtc } as NonNullable<WebRtcOptions>;
  const transports = { ...options.transports, webrtc: config };
  return RtmpServer.start({ enabled: false }, { ...options, transports });
}
