import type { WebRtcConfig } from './config.js';
import type { RtcOptions } from './engine.js';

const ETHERNET_MTU = 1500;

/** What the engine is told of the configuration, for each connection. */
export function optionsOf(config: WebRtcConfig): RtcOptions {
  const { udpPort, udpPortMin, udpPortMax } = config;
  const range = { portRangeBegin: udpPort || udpPortMin, portRangeEnd: udpPort || udpPortMax };
  return {
    iceServers: config.iceServers,
    maxMessageSize: config.maxMessageBytes,
    enableIceUdpMux: udpPort > 0,
    ...(range.portRangeEnd > 0 && range),
    ...(config.udpAddress !== undefined && { bindAddress: config.udpAddress }),
    ...(config.highThroughput && { mtu: ETHERNET_MTU }),
  };
}
