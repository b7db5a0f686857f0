/** RTP packets as a sender makes them, for tests of the receiver. */

export interface PacketFields {
  readonly payloadType?: number;
  readonly marker?: boolean;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly ssrc?: number;
  /** The number of the whole transport, under the id 3. */
  readonly transportSequence?: number;
}

export const TRANSPORT_SEQUENCE_ID = 3;

export function rtpPacket(payload: Uint8Array, fields: PacketFields = {}): Buffer {
  const { payloadType = 96, marker = false, sequence = 0, timestamp = 0, ssrc = 0x1234 } = fields;
  const { transportSequence } = fields;
  const head = Buffer.alloc(transportSequence === undefined ? 12 : 20);
  head[0] = 0x80;
  if (transportSequence !== undefined) {
    head[0] = 0x90;
    head.writeUInt32BE(0xbede0001, 12);
    head[16] = (TRANSPORT_SEQUENCE_ID << 4) | 1;
    head.writeUInt16BE(transportSequence & 0xffff, 17);
  }
  head[1] = payloadType | (marker ? 0x80 : 0);
  head.writeUInt16BE(sequence & 0xffff, 2);
  head.writeUInt32BE(timestamp >>> 0, 4);
  head.writeUInt32BE(ssrc, 8);
  return Buffer.concat([head, payload]);
}

/** A NAL unit whose bytes tell the type; slices begin with the picture's first macroblock. */
export function nalUnit(type: number, size: number, fill = type): Buffer {
  const nal = Buffer.alloc(size, fill);
  nal[0] = 0x60 | type;
  if (size > 1) nal[1] = 0x80;
  return nal;
}

/** Sets with the ids 0, as an encoder may send them. */
export const SPS = Buffer.from('6742c01fda014016e8', 'hex');
export const PPS = Buffer.from('68ce3c80', 'hex');

export const annexB = (...nals: readonly Uint8Array[]): Buffer =>
  Buffer.concat(nals.flatMap((nal) => [Buffer.from([0, 0, 0, 1]), nal]));

export function stapA(...nals: readonly Uint8Array[]): Buffer {
  const lengthOf = (nal: Uint8Array) => Buffer.from([nal.length >> 8, nal.length & 255]);
  return Buffer.concat([Buffer.from([0x78]), ...nals.flatMap((nal) => [lengthOf(nal), nal])]);
}

/** FU-A payloads with at most `size` bytes of the NAL unit each. */
export function fuA(nal: Buffer, size: number): Buffer[] {
  const head = nal[0] as number;
  const payloads: Buffer[] = [];
  for (let at = 1; at < nal.length; at += size) {
    const flags = (at === 1 ? 0x80 : 0) | (at + size >= nal.length ? 0x40 : 0);
    const heads = Buffer.from([(head & 0xe0) | 28, flags | (head & 31)]);
    payloads.push(Buffer.concat([heads, nal.subarray(at, at + size)]));
  }
  return payloads;
}

/** The payloads of one H.264 frame, none larger than `mtu`. */
export function h264Payloads(nals: readonly Buffer[], mtu: number): Buffer[] {
  return nals.flatMap((nal) => (nal.length <= mtu ? [nal] : fuA(nal, mtu - 2)));
}

/** A VP8 frame of `size` bytes. Keyframes are of 640 by 360. */
export function vp8Frame(key: boolean, size: number, fill: number): Buffer {
  const frame = Buffer.alloc(size, fill);
  frame[0] = key ? 0x10 : 0x11;
  if (key) Buffer.from('9d012a80026801', 'hex').copy(frame, 3);
  return frame;
}

/** The payloads of one VP8 frame, with a 15-bit picture id in their descriptors. */
export function vp8Payloads(frame: Buffer, picture: number, mtu: number): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < frame.length; at += mtu - 4) {
    const head = [at === 0 ? 0x90 : 0x80, 0x80, 0x80 | ((picture >> 8) & 0x7f), picture & 0xff];
    payloads.push(Buffer.concat([Buffer.from(head), frame.subarray(at, at + mtu - 4)]));
  }
  return payloads;
}
