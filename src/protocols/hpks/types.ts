import { UploadResponseError } from '../../errors/index.js';

/** The version byte of a head: HTTP/1.1, HTTP/2, HTTP/3. */
export type HttpVersion = 1 | 2 | 3;

/** A header's name and value. Lists of them keep their order and their duplicates. */
export type Header = readonly [name: string, value: string];

/** A request's head. Every string holds one byte per char (latin1, as Node's http does), so that any
 *  byte survives a round trip; a char above U+00FF cannot be encoded. */
export interface RequestHead {
  readonly kind: 'request';
  readonly version: HttpVersion;
  /** A token (RFC 9110 section 9.1). */
  readonly method: string;
  /** RFC 3986 section 3.1; absent and empty mean the same. */
  readonly scheme?: string | undefined;
  /** RFC 3986 section 3.2; absent and empty mean the same. */
  readonly authority?: string | undefined;
  /** Path and query; an empty one is decoded as `/`. */
  readonly path: string;
  readonly headers: readonly Header[];
}

/** A response's head; strings as in RequestHead. */
export interface ResponseHead {
  readonly kind: 'response';
  readonly version: HttpVersion;
  /** 100..999. */
  readonly status: number;
  readonly headers: readonly Header[];
}

export type Head = RequestHead | ResponseHead;

export interface HeadersFrame {
  readonly type: 'headers';
  readonly streamId: bigint;
  readonly head: Head;
}

export interface BodyFrame {
  readonly type: 'body';
  readonly streamId: bigint;
  /** A view of the decoder's input, not a copy: keep the input as it is for as long as it is used. */
  readonly data: Uint8Array;
}

export interface EndFrame {
  readonly type: 'end';
  readonly streamId: bigint;
}

export type Frame = HeadersFrame | BodyFrame | EndFrame;

/** An HPK1 message: head and body together. */
export interface Message {
  readonly head: Head;
  /** A view of the decoder's input, as in BodyFrame. */
  readonly body: Uint8Array;
}

/** The input ends inside a frame and could become a valid one. */
export interface NeedMore {
  readonly needMore: true;
}

/** What a decoder accepts. What is larger is HPKS_TOO_LONG as soon as its length is known. */
export interface DecodeLimits {
  /** The longest method, scheme, authority, path, header name or value, in bytes. */
  readonly maxFieldBytes?: number | undefined;
  /** The longest frame or message, body included, in bytes; at least MIN_FRAME_LIMIT. */
  readonly maxFrameBytes?: number | undefined;
}

/** No server is known to accept longer fields; a head in one slot of the default size fits. */
export const DEFAULT_MAX_FIELD_BYTES = 64 * 1024;
/** Far above a slot (2 MiB at most), so that it bounds memory and nothing else. */
export const DEFAULT_MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** Holds the fields of fixed size of every frame: only lengths and counts can pass the limit. */
export const MIN_FRAME_LIMIT = 32;
/** More is HPKS_TOO_MANY_HEADERS; part of the format. */
export const MAX_HEADERS = 8192;

export interface ResolvedLimits {
  readonly maxFieldBytes: number;
  readonly maxFrameBytes: number;
}

const DEFAULT_LIMITS: ResolvedLimits = {
  maxFieldBytes: DEFAULT_MAX_FIELD_BYTES,
  maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
};

/** The limits with their defaults. @throws UploadResponseError INVALID_ARGUMENT */
export function resolveLimits(limits: DecodeLimits | undefined): ResolvedLimits {
  if (limits === undefined) return DEFAULT_LIMITS;
  const { maxFieldBytes = DEFAULT_MAX_FIELD_BYTES, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES } =
    limits;
  if (!Number.isSafeInteger(maxFieldBytes) || maxFieldBytes < 0) {
    throw new UploadResponseError('INVALID_ARGUMENT', 'maxFieldBytes is not a size');
  }
  if (!Number.isSafeInteger(maxFrameBytes) || maxFrameBytes < MIN_FRAME_LIMIT) {
    throw new UploadResponseError('INVALID_ARGUMENT', `maxFrameBytes is below ${MIN_FRAME_LIMIT}`);
  }
  return { maxFieldBytes, maxFrameBytes };
}
