import { z } from 'zod';

const KIB = 1024;
const MIB = 2 ** 20;
/** The largest window that RFC 9113 section 6.9.1 allows. */
const MAX_WINDOW_BYTES = 2 ** 31 - 1;

const count = (what: string, preset: number, least = 1, most = 1_000_000) =>
  z.int().min(least).max(most).default(preset).describe(what);

const duration = (what: string, preset: number) =>
  z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

/** Configuration of HTTP/2; its listeners are those of `http`. */
export const http2ConfigSchema = z.strictObject({
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  maxStreamsPerConnection: count(
    'Requests that one connection may have open at once (SETTINGS_MAX_CONCURRENT_STREAMS).',
    100,
    1,
    10_000,
  ),
  streamWindowBytes: z
    .int()
    .min(16 * KIB)
    .max(MAX_WINDOW_BYTES)
    .optional()
    .describe(
      'Bytes of one upload that may be on their way; they may have to wait in the server beside the ' +
        'ring, and new ones are allowed as it has room. Without it: at most 1MB, and less where that, ' +
        'for all streams of the pool, would be more than `limits.maxWaitingBytes`.',
    ),
  connectionWindowBytes: z
    .int()
    .min(65_535)
    .max(MAX_WINDOW_BYTES)
    .default(16 * MIB)
    .describe('Bytes of all uploads of one connection that may be on their way.'),
  maxFrameBytes: z
    .int()
    .min(16_384)
    .max(2 ** 24 - 1)
    .default(64 * KIB)
    .describe('Largest payload of a frame that clients may send (SETTINGS_MAX_FRAME_SIZE).'),
  maxHeaderFields: count(
    'Fields of a request head, with those that begin with a colon; one with more is reset.',
    128,
    8,
    10_000,
  ),
  maxResets: count(
    'Requests of one connection that may end in a reset before they are answered, in ' +
      '`countingWindowMs` on average; more end the connection with ENHANCE_YOUR_CALM.',
    200,
    1,
    // Above, the limit of nghttp2 itself comes first, and with another code.
    900,
  ),
  maxControlFrames: count(
    'PING and SETTINGS frames of one connection in `countingWindowMs` on average; more end it with ' +
      'ENHANCE_YOUR_CALM.',
    1000,
  ),
  countingWindowMs: duration('Time over which resets and control frames are counted.', 10_000),
  maxInvalidFrames: count(
    'Malformed messages and empty DATA frames of one connection; more end it.',
    1000,
  ),
  maxRejectedStreams: count(
    'Streams of one connection above its limits, the memory of its session among them; more end it.',
    100,
  ),
  lingerMs: duration(
    'How long the rest of a request is read away after its answer, so that the client sees it; and ' +
      'how long a client may take to read an error, or to close a connection that has ended.',
    5000,
  ),
  lingerBytes: z
    .int()
    .min(0)
    .default(32 * MIB)
    .describe('How much of the rest of a request is read away after its answer.'),
});

/** See `http2ConfigSchema` for what each one means. */
export type Http2Config = z.output<typeof http2ConfigSchema>;
