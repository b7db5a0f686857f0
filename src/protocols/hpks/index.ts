/** HPKS (streaming frames) and HPK1 (whole messages): docs/hpks.md. */

export type { DecodedFrame, DecodedMessage } from './decode.js';
export { decodeFrame, decodeHeaders, decodeMessage } from './decode.js';
export {
  encodeBody,
  encodedHeadersSize,
  encodedMessageSize,
  encodeEnd,
  encodeHeaders,
  encodeHeadersInto,
  encodeMessage,
  encodeMessageInto,
} from './encode.js';
export { FrameDecoder } from './frame-decoder.js';
export type {
  BodyFrame,
  DecodeLimits,
  EndFrame,
  Frame,
  Head,
  Header,
  HeadersFrame,
  HttpVersion,
  Message,
  NeedMore,
  RequestHead,
  ResponseHead,
} from './types.js';
export {
  DEFAULT_MAX_FIELD_BYTES,
  DEFAULT_MAX_FRAME_BYTES,
  MAX_HEADERS,
  MIN_FRAME_LIMIT,
} from './types.js';
