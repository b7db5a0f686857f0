import type { Depacketiser, Frame } from './frame-assembler.js';
import type { RtpPacket } from './packet.js';

/** Opus over RTP (RFC 7587): each packet is a frame, which is decoded by itself. */
export class OpusDepacketiser implements Depacketiser {
  readonly needsKeyframe = false;

  push({ timestamp, payload }: RtpPacket): Frame[] {
    return payload.length === 0 ? [] : [{ timestamp, key: false, parts: [payload] }];
  }

  lost(): void {}

  finish(): Frame[] {
    return [];
  }
}
