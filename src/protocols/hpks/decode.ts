import { UploadResponseError } from '../../errors/index.js';
import { Field, FrameType, Kind } from './fields.js';
import { latin1 } from './latin1.js';
import { Scanner } from './scanner.js';
import type {
  DecodeLimits,
  Frame,
  Head,
  Header,
  HeadersFrame,
  Message,
  NeedMore,
} from './types.js';
import { resolveLimits } from './types.js';

/** A decoded frame and how many bytes of the input it took. */
export interface DecodedFrame {
  readonly needMore?: undefined;
  readonly frame: Frame;
  readonly consumed: number;
}

/** A decoded message and how many bytes of the input it took. */
export interface DecodedMessage {
  readonly needMore?: undefined;
  readonly message: Message;
  readonly consumed: number;
}

const NEED_MORE: NeedMore = Object.freeze({ needMore: true as const });

/**
 * Decodes the HPKS frame that `bytes` begins with; what follows it is left alone. A prefix of a valid
 * frame is `needMore`. To decode a stream in pieces use FrameDecoder, which does not begin anew.
 *
 * The bytes must not change meanwhile: copy them first if another process can write them.
 *
 * @throws UploadResponseError an HPKS error as soon as a byte tells, or INVALID_ARGUMENT for `limits`
 */
export function decodeFrame(bytes: Uint8Array, limits?: DecodeLimits): DecodedFrame | NeedMore {
  const scanner = new Scanner(false, resolveLimits(limits));
  if (!scanner.scan(bytes, 0, bytes.length)) return NEED_MORE;
  return { frame: frameOf(scanner, bytes, 0), consumed: scanner.position };
}

/**
 * Decodes the whole headers frame that `bytes` begins with, as in the first slot of a lane.
 * @throws UploadResponseError as decodeFrame; HPKS_TRUNCATED if the frame is not whole,
 *   HPKS_BAD_FRAME_TYPE if it is another frame
 */
export function decodeHeaders(
  bytes: Uint8Array,
  limits?: DecodeLimits,
): { readonly frame: HeadersFrame; readonly consumed: number } {
  const decoded = decodeFrame(bytes, limits);
  if (decoded.needMore) throw new UploadResponseError('HPKS_TRUNCATED');
  const { frame, consumed } = decoded;
  if (frame.type !== 'headers') {
    throw new UploadResponseError('HPKS_BAD_FRAME_TYPE', 'a headers frame must come first');
  }
  return { frame, consumed };
}

/** Decodes the HPK1 message that `bytes` begins with, in the same way as decodeFrame. */
export function decodeMessage(bytes: Uint8Array, limits?: DecodeLimits): DecodedMessage | NeedMore {
  const scanner = new Scanner(true, resolveLimits(limits));
  if (!scanner.scan(bytes, 0, bytes.length)) return NEED_MORE;
  const body = bytes.subarray(scanner.bodyStart, scanner.bodyEnd);
  return { message: { head: headOf(scanner, bytes, 0), body }, consumed: scanner.position };
}

/** The frame that `scanner` has passed, whose first byte is `bytes[base]`. */
export function frameOf(scanner: Scanner, bytes: Uint8Array, base: number): Frame {
  const streamId = streamIdAt(bytes, base + 6);
  if (scanner.type === FrameType.headers) {
    return { type: 'headers', streamId, head: headOf(scanner, bytes, base) };
  }
  if (scanner.type === FrameType.end) return { type: 'end', streamId };
  const data = bytes.subarray(base + scanner.bodyStart, base + scanner.bodyEnd);
  return { type: 'body', streamId, data };
}

function headOf(scanner: Scanner, bytes: Uint8Array, base: number): Head {
  const { parts, partCount, version } = scanner;
  // One string for the whole head: slicing it costs a fraction of a call into C++ for each part.
  const origin = partCount > 0 ? (parts[0] as number) : 0;
  const end = partCount > 0 ? (parts[partCount * 2 - 1] as number) : 0;
  const text = latin1(bytes, base + origin, base + end);
  const part = (index: number): string =>
    text.slice((parts[index * 2] as number) - origin, (parts[index * 2 + 1] as number) - origin);

  const headers: Header[] = [];
  const isRequest = scanner.kind === Kind.request;
  for (let index = isRequest ? Field.headerCount : 0; index < partCount; index += 2) {
    headers.push([part(index), part(index + 1)]);
  }
  if (!isRequest) return { kind: 'response', version, status: scanner.status, headers };
  const scheme = part(Field.scheme);
  const authority = part(Field.authority);
  return {
    kind: 'request',
    version,
    method: part(Field.method),
    ...(scheme !== '' && { scheme }),
    ...(authority !== '' && { authority }),
    path: part(Field.path) || '/',
    headers,
  };
}

function streamIdAt(bytes: Uint8Array, at: number): bigint {
  const high = wordAt(bytes, at);
  const low = wordAt(bytes, at + 4);
  return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low);
}

function wordAt(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let index = at; index < at + 4; index++) word = word * 256 + (bytes[index] as number);
  return word;
}
