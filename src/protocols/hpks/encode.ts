import { type ErrorCode, UploadResponseError } from '../../errors/index.js';
import {
  BYTE_CLASSES,
  ByteClass,
  FIELD_CLASS,
  FIELD_ERROR,
  FIELD_FORBIDDEN,
  Field,
  FORMAT_VERSION,
  FRAME_HEADER_BYTES,
  FrameType,
  HPK1_MAGIC,
  HPKS_MAGIC,
  Kind,
} from './fields.js';
import { putLatin1 } from './latin1.js';
import { type Head, MAX_HEADERS } from './types.js';

const MESSAGE_HEADER_BYTES = 5;
const KIND_AND_VERSION_BYTES = 2;
const STATUS_BYTES = 2;
/** Up to here one loop is faster than a search and a copy, which have to be called. */
const SHORT_TEXT = 32;
const NO_DATA = new Uint8Array(0);

/**
 * A headers frame. The encoders validate what the decoder does, and write no field that it refuses at
 * any limits; they set no limit to lengths.
 *
 * @throws UploadResponseError an HPKS error for the first part of the head that is not valid,
 *   INVALID_ARGUMENT for a stream id outside 0..2^64-1
 */
export function encodeHeaders(streamId: bigint | number, head: Head): Uint8Array {
  const frame = new Uint8Array(encodedHeadersSize(head));
  encodeHeadersInto(frame, streamId, head);
  return frame;
}

/** How many bytes a headers frame takes. Lengths are all it looks at. */
export function encodedHeadersSize(head: Head): number {
  return FRAME_HEADER_BYTES + headSize(head);
}

/**
 * Writes a headers frame to the start of `target` and returns its size. After a throw the content of
 * `target` is undefined.
 * @throws UploadResponseError as encodeHeaders; HPKS_TOO_LONG if `target` is too small
 */
export function encodeHeadersInto(
  target: Uint8Array,
  streamId: bigint | number,
  head: Head,
): number {
  expectRoom(target, encodedHeadersSize(head));
  return putHead(target, putFrameHeader(target, FrameType.headers, streamId), head);
}

/** A body frame. @throws UploadResponseError INVALID_ARGUMENT for the stream id */
export function encodeBody(streamId: bigint | number, data: Uint8Array): Uint8Array {
  const size = FRAME_HEADER_BYTES + varintSize(data.length) + data.length;
  const frame = new Uint8Array(size);
  putData(frame, putFrameHeader(frame, FrameType.body, streamId), data);
  return frame;
}

/** An end frame. @throws UploadResponseError INVALID_ARGUMENT for the stream id */
export function encodeEnd(streamId: bigint | number): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + 1);
  putFrameHeader(frame, FrameType.end, streamId);
  return frame;
}

/** An HPK1 message. @throws UploadResponseError an HPKS error, as encodeHeaders */
export function encodeMessage(head: Head, body: Uint8Array = NO_DATA): Uint8Array {
  const message = new Uint8Array(encodedMessageSize(head, body.length));
  encodeMessageInto(message, head, body);
  return message;
}

/** How many bytes a message takes. */
export function encodedMessageSize(head: Head, bodyBytes: number): number {
  return MESSAGE_HEADER_BYTES + headSize(head) + varintSize(bodyBytes) + bodyBytes;
}

/** Writes a message to the start of `target` and returns its size, as encodeHeadersInto does. */
export function encodeMessageInto(
  target: Uint8Array,
  head: Head,
  body: Uint8Array = NO_DATA,
): number {
  expectRoom(target, encodedMessageSize(head, body.length));
  target.set(HPK1_MAGIC);
  target[4] = FORMAT_VERSION;
  return putData(target, putHead(target, MESSAGE_HEADER_BYTES, head), body);
}

function expectRoom(target: Uint8Array, size: number): void {
  if (size <= target.length) return;
  throw new UploadResponseError('HPKS_TOO_LONG', `${size} bytes do not fit into ${target.length}`);
}

function headSize(head: Head): number {
  let size = KIND_AND_VERSION_BYTES + varintSize(head.headers.length);
  if (head.kind === 'request') {
    size +=
      fieldSize(Field.method, head.method) +
      fieldSize(Field.scheme, head.scheme ?? '') +
      fieldSize(Field.authority, head.authority ?? '') +
      fieldSize(Field.path, head.path);
  } else size += STATUS_BYTES;
  for (const [name, value] of head.headers) {
    size += fieldSize(Field.name, name) + fieldSize(Field.value, value);
  }
  return size;
}

function fieldSize(field: number, text: string): number {
  // Callers without types pass numbers as values; their length would be NaN.
  if (typeof text !== 'string') refuse(field, 'not a string');
  return varintSize(text.length) + text.length;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest /= 128) size++;
  return size;
}

function putFrameHeader(target: Uint8Array, type: number, streamId: bigint | number): number {
  for (let index = 0; index < 4; index++) target[index] = HPKS_MAGIC[index] as number;
  target[4] = FORMAT_VERSION;
  target[5] = type;
  if (typeof streamId === 'number' && Number.isSafeInteger(streamId) && streamId >= 0) {
    putWord(target, 6, Math.floor(streamId / 2 ** 32));
    putWord(target, 10, streamId);
  } else if (typeof streamId === 'bigint' && BigInt.asUintN(64, streamId) === streamId) {
    putWord(target, 6, Number(streamId >> 32n));
    putWord(target, 10, Number(streamId & 0xffffffffn));
  } else throw new UploadResponseError('INVALID_ARGUMENT', 'a stream id is an integer below 2^64');
  return FRAME_HEADER_BYTES;
}

/** The low 32 bits of `value`, big-endian. */
function putWord(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function putHead(target: Uint8Array, start: number, head: Head): number {
  const { kind, version, headers } = head;
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new UploadResponseError('HPKS_BAD_HTTP_VERSION');
  }
  let at = start;
  target[at + 1] = version;
  if (kind === 'request') {
    target[at] = Kind.request;
    if (head.method === '') refuse(Field.method, 'empty');
    at = putText(target, at + 2, Field.method, head.method);
    at = putText(target, at, Field.scheme, head.scheme ?? '');
    at = putText(target, at, Field.authority, head.authority ?? '');
    at = putText(target, at, Field.path, head.path);
  } else if (kind === 'response') {
    const { status } = head;
    if (!Number.isInteger(status) || status < 100 || status > 999) {
      throw new UploadResponseError('HPKS_BAD_STATUS');
    }
    target[at] = Kind.response;
    target[at + 2] = status >> 8;
    target[at + 3] = status;
    at += 4;
  } else throw new UploadResponseError('HPKS_BAD_KIND');

  if (headers.length > MAX_HEADERS) throw new UploadResponseError('HPKS_TOO_MANY_HEADERS');
  at = putVarint(target, at, headers.length);
  for (const [name, value] of headers) {
    if (name === '') refuse(Field.name, 'empty');
    at = putText(target, at, Field.name, name);
    at = putText(target, at, Field.value, value);
  }
  return at;
}

function putText(target: Uint8Array, start: number, field: number, text: string): number {
  const at = putVarint(target, start, text.length);
  if (text.length > SHORT_TEXT) {
    if ((FIELD_FORBIDDEN[field] as RegExp).test(text)) refuse(field);
    putLatin1(target, at, text);
    return at + text.length;
  }
  const classes = BYTE_CLASSES;
  const mask = FIELD_CLASS[field] as number;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (char > 255 || ((classes[char] as number) & mask) === 0) refuse(field);
    target[at + index] = char;
  }
  if (field === Field.scheme && text !== '') {
    if (((classes[target[at] as number] as number) & ByteClass.alpha) === 0) refuse(field);
  }
  return at + text.length;
}

function putData(target: Uint8Array, start: number, data: Uint8Array): number {
  const at = putVarint(target, start, data.length);
  target.set(data, at);
  return at + data.length;
}

function putVarint(target: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}

function refuse(field: number, detail?: string): never {
  throw new UploadResponseError(FIELD_ERROR[field] as ErrorCode, detail);
}
