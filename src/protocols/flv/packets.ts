import { UploadResponseError } from '../../errors/index.js';

/** What the data of one audio or video message are. */
export interface MediaPacket {
  readonly codec: 'h264' | 'h265' | 'aac';
  readonly kind: 'config' | 'frame';
  readonly key: boolean;
  /** `pts - dts`, milliseconds, signed. */
  readonly compositionMs: number;
  /** A view on the message. */
  readonly data: Buffer;
}

const AVC = 7;
/** Not of Adobe's specification, but what encoders sent before Enhanced RTMP. */
const HEVC = 12;
const KEY_FRAME = 1;
/** The body is a command for players. */
const INFO_FRAME = 5;
const AAC = 10;
const ENHANCED_AUDIO = 9;

/** Packet types of Enhanced RTMP. */
const Packet = {
  sequenceStart: 0,
  coded: 1,
  sequenceEnd: 2,
  codedX: 3,
  metadata: 4,
  modifier: 7,
} as const;

/** Undefined: there is nothing in it for a worker. @throws UploadResponseError MEDIA_INVALID,
 *  MEDIA_UNSUPPORTED */
export function parseVideo(message: Buffer): MediaPacket | undefined {
  const first = byteAt(message, 0);
  const frameType = (first >> 4) & 7;
  const key = frameType === KEY_FRAME;
  if (first & 0x80) return parseEnhancedVideo(message, first & 15, frameType, key);
  if (frameType === INFO_FRAME) return undefined;
  const id = first & 15;
  if (id !== AVC && id !== HEVC) throw unsupported(`video codec ${id}`);
  const codec = id === AVC ? 'h264' : 'h265';
  const type = byteAt(message, 1);
  const compositionMs = signed24(message, 2);
  const data = message.subarray(5);
  if (type === 0) return { codec, kind: 'config', key, compositionMs: 0, data };
  return type === 1 ? { codec, kind: 'frame', key, compositionMs, data } : undefined;
}

function parseEnhancedVideo(
  message: Buffer,
  firstType: number,
  frameType: number,
  key: boolean,
): MediaPacket | undefined {
  const { type, at } = passModifiers(message, firstType);
  if (type === Packet.metadata || type === Packet.sequenceEnd) return undefined;
  // Then the packet is one byte of a command.
  if (frameType === INFO_FRAME) return undefined;
  if (type > Packet.codedX) throw unsupported(`video packet type ${type}`);
  const fourCc = fourCcAt(message, at);
  if (fourCc !== 'avc1' && fourCc !== 'hvc1') throw unsupported(`video codec ${fourCc}`);
  const codec = fourCc === 'avc1' ? 'h264' : 'h265';
  const kind = type === Packet.sequenceStart ? 'config' : 'frame';
  const timed = type === Packet.coded;
  const compositionMs = timed ? signed24(message, at + 4) : 0;
  return { codec, kind, key, compositionMs, data: message.subarray(at + (timed ? 7 : 4)) };
}

/** As `parseVideo`. */
export function parseAudio(message: Buffer): MediaPacket | undefined {
  const first = byteAt(message, 0);
  const format = first >> 4;
  const packet = { codec: 'aac', key: false, compositionMs: 0 } as const;
  if (format === ENHANCED_AUDIO) {
    const { type, at } = passModifiers(message, first & 15);
    if (type === Packet.sequenceEnd || type === Packet.metadata) return undefined;
    if (type > Packet.coded) throw unsupported(`audio packet type ${type}`);
    const fourCc = fourCcAt(message, at);
    if (fourCc !== 'mp4a') throw unsupported(`audio codec ${fourCc}`);
    const kind = type === Packet.sequenceStart ? 'config' : 'frame';
    return { ...packet, kind, data: message.subarray(at + 4) };
  }
  if (format !== AAC) throw unsupported(`audio format ${format}`);
  const type = byteAt(message, 1);
  const data = message.subarray(2);
  if (type === 0) return { ...packet, kind: 'config', data };
  return type === 1 ? { ...packet, kind: 'frame', data } : undefined;
}

/** Skips what ModEx puts before a packet: [size - 1] (255: 16 bits more), data, [kind and packet type]. */
function passModifiers(message: Buffer, firstType: number): { type: number; at: number } {
  let type = firstType;
  let at = 1;
  while (type === Packet.modifier) {
    let size = byteAt(message, at++) + 1;
    if (size === 256) {
      size = byteAt(message, at) * 256 + byteAt(message, at + 1) + 1;
      at += 2;
    }
    at += size;
    type = byteAt(message, at++) & 15;
  }
  return { type, at };
}

function fourCcAt(message: Buffer, at: number): string {
  if (message.length < at + 4) throw short();
  const text = message.toString('latin1', at, at + 4);
  return /^[ -~]{4}$/.test(text) ? text : message.toString('hex', at, at + 4);
}

function signed24(message: Buffer, at: number): number {
  if (message.length < at + 3) throw short();
  return message.readIntBE(at, 3);
}

function byteAt(message: Buffer, at: number): number {
  const byte = message[at];
  if (byte === undefined) throw short();
  return byte;
}

function short(): UploadResponseError {
  return new UploadResponseError('MEDIA_INVALID', 'a packet is cut short');
}

function unsupported(what: string): UploadResponseError {
  return new UploadResponseError('MEDIA_UNSUPPORTED', what);
}
