import { isIP } from 'node:net';
import { z } from 'zod';
import { VIDEO_CODECS } from '../../protocols/sdp/index.js';

const duration = (what: string, preset: number) =>
  z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

const udpPort = (what: string) => z.int().min(0).max(65_535).default(0).describe(what);

const address = z.string().refine((text) => isIP(text) !== 0, 'is no IP address');

const origin = z.string().regex(/^(\*|null|[a-z][a-z0-9+.-]*:\/\/[^/\s*]+)$/);

/** Configuration of WebRTC; WHIP is served on the listeners of `http`. */
export const webRtcConfigSchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Serve WHIP, and take what comes over WebRTC.'),
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  path: z
    .string()
    .regex(/^\/[A-Za-z0-9.~-][A-Za-z0-9._~-]*(?:\/[A-Za-z0-9._~-]+)*$/)
    .default('/whip')
    .meta({
      accepted: 'a path without a slash at its end, such as /whip',
      description: 'Where WHIP is served: an offer is posted to a room below this path.',
    }),
  origins: z.array(origin).default([]).meta({
    accepted: 'origins such as https://example.com, null, or *',
    description: 'Pages of other hosts that may publish, by their origin. `*`: every page.',
  }),
  iceServers: z
    .array(
      z
        .string()
        .regex(/^(stun|turn|turns):\S+$/)
        .meta({ secret: true }),
    )
    .default([])
    .meta({
      accepted: 'URLs such as stun:stun.example:3478 or turn:user:password@turn.example:3478',
      reload: 'new sessions',
      description: 'STUN and TURN servers that help to find addresses of this server.',
    }),
  hostCandidates: z
    .array(address)
    .default([])
    .meta({
      accepted: 'IP addresses',
      description:
        "Addresses that clients are told in place of the machine's own, where a router maps the UDP " +
        'ports one to one.',
    }),
  udpAddress: address.optional().meta({
    accepted: 'an IP address',
    description: 'The only address that UDP sockets are bound to; without it all of them.',
  }),
  udpPort: udpPort('One UDP port for all sessions. 0: a port for each.'),
  udpPortMin: udpPort('Smallest UDP port, where each session has its own. 0: any.'),
  udpPortMax: udpPort('Largest UDP port, where each session has its own. 0: any.'),
  maxSessions: z.int().min(1).max(100_000).default(200).describe('Sessions at once.'),
  maxChannels: z.int().min(1).max(1024).default(16).describe('Data channels of a session at once.'),
  maxMessageBytes: z
    .int()
    .min(1024)
    .max(2 ** 24)
    .default(2 ** 18)
    .describe('Largest message of a data channel; a larger one ends its upload.'),
  windowBytes: z
    .int()
    .min(2 ** 16)
    .max(2 ** 30)
    .default(4 * 2 ** 20)
    .describe(
      'Bytes that a client which heeds windows may be ahead of the lane, for each channel.',
    ),
  channelBudgetBytes: z
    .int()
    .min(2 ** 16)
    .max(2 ** 30)
    .default(16 * 2 ** 20)
    .describe(
      'Bytes of one channel that may wait for room in the lane; more end its upload with 503. A client ' +
        'that heeds no windows gets there when the worker is slow.',
    ),
  videoCodecs: z
    .array(z.enum(VIDEO_CODECS))
    .min(1)
    .default([...VIDEO_CODECS])
    .describe('Video is taken in the first of these codecs that an offer has.'),
  maxBitrateKbps: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(10_000)
    .meta({
      reload: 'new sessions',
      description:
        'What a publisher of media may send, in kbit/s: it is told so (REMB), where its offer has ' +
        '`goog-remb`, and browsers begin with what their encoder can give, up to this. 0: it is told nothing.',
    }),
  keyframeIntervalMs: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(10_000)
    .describe(
      'Publishers are asked for a keyframe when none has come for this time, so that late workers find ' +
        'one; browsers send none by themselves. 0: only at the beginning and after losses.',
    ),
  maxFrameBytes: z
    .int()
    .min(2 ** 16)
    .max(2 ** 26)
    .default(8 * 2 ** 20)
    .describe('Packets of one frame together; a larger frame is dropped.'),
  mediaBudgetBytes: z
    .int()
    .min(2 ** 16)
    .max(2 ** 30)
    .default(8 * 2 ** 20)
    .describe(
      'Bytes of one publication that may wait for room in the lane; beyond that frames are left out, up ' +
        'to the next keyframe.',
    ),
  highThroughput: z
    .boolean()
    .default(false)
    .describe('Larger packets, and windows four times as large: for networks with an MTU of 1500.'),
  gatherTimeoutMs: duration('An answer is sent after this time, whatever was found by then.', 3000),
  connectTimeoutMs: duration('A session that is not connected after this time is ended.', 30_000),
  idleTimeoutMs: duration(
    'A session without a channel and without media for this time is ended; a channel on which no ' +
      'request begins is answered 408.',
    60_000,
  ),
  graceMs: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0)
    .describe(
      'A publisher of media whose session has broken may come back within this time, to the peer id ' +
        'that it has named, and goes on with its stream; 0: the stream ends at once.',
    ),
  closeTimeoutMs: duration(
    'A channel that the client has not closed this long after its answer is closed.',
    5000,
  ),
});

/** See `webRtcConfigSchema` for what each one means. */
export type WebRtcConfig = z.output<typeof webRtcConfigSchema>;
