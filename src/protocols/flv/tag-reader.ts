import { UploadResponseError } from '../../errors/index.js';

/** One tag of an FLV file: what RTMP has as a message, of the same type. */
export interface FlvTag {
  /** 8 audio, 9 video, 18 script data. */
  readonly type: number;
  /** Milliseconds, 32 bits. */
  readonly timestamp: number;
  readonly data: Buffer;
}

const SIGNATURE = Buffer.from('FLV');
const FILE_HEAD_BYTES = 9;
const TAG_HEAD_BYTES = 11;
const BACK_POINTER_BYTES = 4;
/** A file's head may be longer than version 1 has it. */
const MAX_FILE_HEAD_BYTES = 1024;

/** Whether bytes begin as an FLV file does. */
export function isFlv(bytes: Uint8Array): boolean {
  return SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length));
}

/**
 * The tags of an FLV file (Adobe, Video File Format 10.1, annex E), as its bytes come.
 * Throws UploadResponseError MEDIA_INVALID: it is none, or ends within a tag.
 */
export async function* readFlvTags(bytes: AsyncIterable<Buffer>): AsyncGenerator<FlvTag> {
  let pending: Buffer[] = [];
  let size = 0;
  /** What is needed before anything can be done. */
  let needed = FILE_HEAD_BYTES;
  let begun = false;
  for await (const chunk of bytes) {
    pending.push(chunk);
    size += chunk.length;
    if (size < needed) continue;
    let all = Buffer.concat(pending);
    if (!begun) {
      const length = headLength(all) + BACK_POINTER_BYTES;
      needed = length;
      if (all.length >= length) {
        begun = true;
        needed = TAG_HEAD_BYTES;
        all = all.subarray(length);
      }
    }
    while (begun && all.length >= needed) {
      needed = TAG_HEAD_BYTES + all.readUIntBE(1, 3) + BACK_POINTER_BYTES;
      if (all.length < needed) break;
      yield tagOf(all.subarray(0, needed));
      all = all.subarray(needed);
      needed = TAG_HEAD_BYTES;
    }
    pending = [all];
    size = all.length;
  }
  // What is shorter than any part of a tag is padding.
  if (!begun || size >= BACK_POINTER_BYTES) throw invalid('it ends within a tag');
}

function headLength(all: Buffer): number {
  if (!isFlv(all)) throw invalid('it does not begin as an FLV file does');
  const length = all.readUInt32BE(5);
  if (length < FILE_HEAD_BYTES || length > MAX_FILE_HEAD_BYTES) {
    throw invalid(`its head has ${length} bytes`);
  }
  return length;
}

function tagOf(bytes: Buffer): FlvTag {
  const flags = bytes[0] as number;
  if ((flags & 0x20) !== 0) throw invalid('it is encrypted');
  const timestamp = (bytes.readUIntBE(4, 3) | ((bytes[7] as number) << 24)) >>> 0;
  const data = bytes.subarray(TAG_HEAD_BYTES, bytes.length - BACK_POINTER_BYTES);
  return { type: flags & 0x1f, timestamp, data };
}

function invalid(detail: string): UploadResponseError {
  return new UploadResponseError('MEDIA_INVALID', detail);
}
