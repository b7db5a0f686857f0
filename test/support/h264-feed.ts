import { fuA, nalUnit, PPS, rtpPacket, SPS, stapA } from './rtp-packets.js';
import type { WebRtcPublisher } from './webrtc-publisher.js';

const MTU = 1200;
const TICKS_OF_FRAME = 3600;

/** Sends frames of H.264 that look real to whoever does not decode them, 25 in a second of their clock. */
export class H264Feed {
  frames = 0;
  #sequence = 60_000;

  constructor(readonly publisher: WebRtcPublisher) {}

  /** A frame of about `bytes`; `withhold`: its first packet is never sent. */
  frame(key: boolean, bytes = 100, withhold = false): void {
    const nal = nalUnit(key ? 5 : 1, bytes, this.frames & 0xff);
    const slices = nal.length <= MTU ? [nal] : fuA(nal, MTU);
    const payloads = key ? [stapA(SPS, PPS), ...slices] : slices;
    const timestamp = this.frames++ * TICKS_OF_FRAME;
    payloads.forEach((payload, index) => {
      const sequence = this.#sequence++ & 0xffff;
      const marker = index === payloads.length - 1;
      if (withhold && index === 0) return;
      this.publisher.send('h264', rtpPacket(payload, { sequence, timestamp, marker }));
    });
  }
}
