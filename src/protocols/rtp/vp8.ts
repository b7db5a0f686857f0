import { UploadResponseError } from '../../errors/index.js';
import { type Frame, FrameAssembler, type OpenFrame } from './frame-assembler.js';

/** Of a keyframe: tag, start code, width, height (RFC 6386 section 9.1). */
const KEY_HEAD_BYTES = 10;
const KEY_START_CODE = 0x9d012a;

interface OpenPicture extends OpenFrame {
  /** Its first packet is there. */
  hasBegun: boolean;
}

/** VP8 over RTP (RFC 7741). Frames are as in RFC 6386. */
export class Vp8Depacketiser extends FrameAssembler<OpenPicture> {
  protected begin(timestamp: number, isStartUncertain: boolean): OpenPicture {
    return { timestamp, isStartUncertain, parts: [], hasBegun: false };
  }

  protected take(open: OpenPicture, payload: Buffer): void {
    const { isStart, dataAt } = readDescriptor(payload);
    const isFirst = open.parts.length === 0;
    const isOutOfPlace = isStart ? !isFirst : isFirst && !open.isStartUncertain;
    if (isOutOfPlace) throw invalid('a piece of a frame is out of place');
    if (isStart) open.hasBegun = true;
    open.parts.push(payload.subarray(dataAt));
  }

  protected complete(open: OpenPicture): Frame | 'damaged' {
    if (!open.hasBegun) return 'damaged';
    const { timestamp, parts } = open;
    const first = parts[0] as Buffer;
    const key = ((first[0] as number) & 1) === 0;
    if (!key) return { timestamp, key, parts };
    if (first.length < KEY_HEAD_BYTES || first.readUIntBE(3, 3) !== KEY_START_CODE) {
      throw invalid('a keyframe does not begin like one');
    }
    const width = first.readUInt16LE(6) & 0x3fff;
    const height = first.readUInt16LE(8) & 0x3fff;
    return { timestamp, key, parts, width, height };
  }
}

/** `[X R N S R PID:3]`, with X `[I L T K ...]` and what those announce (RFC 7741 section 4.2). */
function readDescriptor(payload: Buffer): { isStart: boolean; dataAt: number } {
  const first = payload[0] as number;
  let at = 1;
  if ((first & 0x80) !== 0) {
    const extension = payload[at++] ?? 0;
    if ((extension & 0x80) !== 0) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
    if ((extension & 0x40) !== 0) at++;
    if ((extension & 0x30) !== 0) at++;
  }
  if (at >= payload.length) throw invalid('a packet ends inside of its descriptor');
  return { isStart: (first & 0x10) !== 0 && (first & 0x07) === 0, dataAt: at };
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('RTP_PAYLOAD_INVALID', detail);
}
