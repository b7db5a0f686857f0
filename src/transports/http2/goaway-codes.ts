import { constants, type ServerHttp2Session } from 'node:http2';

/** The codes of RFC 9113 section 7 for those errors of nghttp2 that end a session. */
const CODES: Readonly<Record<number, number>> = {
  [-505]: constants.NGHTTP2_PROTOCOL_ERROR,
  [-510]: constants.NGHTTP2_STREAM_CLOSED,
  [-522]: constants.NGHTTP2_FRAME_SIZE_ERROR,
  [-523]: constants.NGHTTP2_COMPRESSION_ERROR,
  [-524]: constants.NGHTTP2_FLOW_CONTROL_ERROR,
  // Too many settings in a frame.
  [-537]: constants.NGHTTP2_ENHANCE_YOUR_CALM,
  // The preface is another one.
  [-903]: constants.NGHTTP2_PROTOCOL_ERROR,
  // Too many CONTINUATION frames.
  [-905]: constants.NGHTTP2_ENHANCE_YOUR_CALM,
  // Too many answers to PING and SETTINGS that the client does not take.
  [-904]: constants.NGHTTP2_ENHANCE_YOUR_CALM,
};

/** What Node counts by itself. */
const TOO_MANY: ReadonlySet<unknown> = new Set([
  'ERR_HTTP2_TOO_MANY_INVALID_FRAMES',
  'ERR_HTTP2_TOO_MANY_REJECTED_STREAMS',
]);

/** Lets GOAWAY say why: Node ends a session with INTERNAL_ERROR whatever its client has done. */
export function nameFaults(session: ServerHttp2Session): void {
  const destroy = session.destroy;
  session.destroy = (error?: NodeJS.ErrnoException, code = codeOf(error)) =>
    destroy.call(session, error, code);
}

function codeOf(error: NodeJS.ErrnoException | undefined): number | undefined {
  if (TOO_MANY.has(error?.code)) return constants.NGHTTP2_ENHANCE_YOUR_CALM;
  return CODES[error?.errno ?? 0];
}
