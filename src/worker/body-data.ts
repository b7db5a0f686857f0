import { UploadResponseError } from '../errors/index.js';

/** Bytes to write; a string is written as UTF-8. */
export type BodyData = Uint8Array | string;

const encoder = new TextEncoder();

/** @throws UploadResponseError INVALID_ARGUMENT */
export function toBytes(data: BodyData): Uint8Array {
  if (typeof data === 'string') return encoder.encode(data);
  if (data instanceof Uint8Array) return data;
  throw new UploadResponseError('INVALID_ARGUMENT', 'a body is written as Uint8Array or string');
}
