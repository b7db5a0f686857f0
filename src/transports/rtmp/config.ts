import { z } from 'zod';
import { tlsListenerSchema } from '../../http/index.js';

const MAX_MS = 2 ** 31 - 1;

const port = z.int().min(0).max(65_535);

const duration = (what: string, preset: number) =>
  z.int().min(100).max(MAX_MS).default(preset).describe(what);

const user = z.strictObject({
  name: z.string().min(1).max(128).describe('Name of the user.'),
  password: z.string().min(1).max(256).meta({
    secret: true,
    description: 'Password; `auth` is asked with it as if it were a token.',
  }),
});

/** Configuration of RTMP and RTMPS. */
export const rtmpConfigSchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Listen for RTMP, and with `tls` for RTMPS too.'),
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: port.default(1935).describe('TCP port of RTMP; 0 takes a free one.'),
  plain: z.boolean().default(true).describe('Listen without TLS too.'),
  tls: tlsListenerSchema(1936, 'TCP port of RTMPS; 0 takes a free one.')
    .optional()
    .describe('Listen for RTMPS.'),
  users: z
    .array(user)
    .default([])
    .describe(
      'Who may connect, by `authmod=adobe` (OBS: Use authentication; ffmpeg: `rtmp://name:password@...`) ' +
        'or with `user` and `pass` in the query after the app. `auth` is asked afterwards in any case. ' +
        'Empty: nobody is asked for a user.',
    )
    .meta({ reload: 'new connections' }),
  secondPublisher: z
    .enum(['refuse', 'takeover'])
    .default('refuse')
    .describe(
      'Who wants to publish a stream key that is being published: is refused, or takes its place.',
    ),
  graceMs: z
    .int()
    .min(0)
    .max(MAX_MS)
    .default(0)
    .describe(
      'A publisher whose connection has broken may come back within this time and goes on with its ' +
        'stream; 0: the stream ends at once.',
    ),
  multitrack: z
    .boolean()
    .default(false)
    .describe(
      'Take several tracks of video and of audio from one publisher (Enhanced RTMP). Off: such a ' +
        'publisher is refused.',
    ),
  maxMessageBytes: z
    .int()
    .min(2 ** 16)
    .max(2 ** 24 - 1)
    .default(8 * 2 ** 20)
    .describe(
      'Largest message, which is one frame, and how much of messages that are not whole one connection ' +
        'may keep in memory; more ends it.',
    ),
  publishTimeoutMs: duration(
    'A connection, its TLS too, must have begun to publish after this time.',
    10_000,
  ),
  idleTimeoutMs: duration(
    'A connection of which nothing is heard for this time, no answer to a ping either, is cut off.',
    60_000,
  ),
  maxConnections: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('Connections at once, of each listener; more are closed at once.')
    .meta({ reload: 'new connections' }),
});

/** See `rtmpConfigSchema` for what each one means. */
export type RtmpConfig = z.output<typeof rtmpConfigSchema>;
