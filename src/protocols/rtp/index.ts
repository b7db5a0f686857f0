/**
 * RTP and RTCP as a receiver needs them: packets, order, loss, and access units of H.264, VP8 and Opus.
 * `RtpReceiver` is the whole of it; the rest is what it consists of.
 */

export type { Depacketiser, DroppedFrame, Frame } from './frame-assembler.js';
export { H264Depacketiser } from './h264.js';
export { type Gap, JitterWindow, type JitterWindowOptions } from './jitter-window.js';
export { OpusDepacketiser } from './opus.js';
export { type DatagramKind, kindOf, parseRtp, type RtpPacket } from './packet.js';
export {
  type MediaLoss,
  type Reached,
  RtpReceiver,
  type RtpReceiverOptions,
  type TrackStats,
} from './receiver.js';
export { ReceiverStatistics } from './receiver-statistics.js';
export { parseRtcp, type ReportBlock, type RtcpPacket } from './rtcp.js';
export {
  type SenderInfo,
  writeBye,
  writeCname,
  writeFir,
  writeNack,
  writePli,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from './rtcp-write.js';
export { type Place, SequenceTracker, Unwrapper } from './sequence.js';
export type { RtpCodec, TrackOptions } from './track.js';
export { Vp8Depacketiser } from './vp8.js';
