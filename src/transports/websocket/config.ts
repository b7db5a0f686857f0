import { z } from 'zod';

const duration = (what: string, preset: number, least = 1) =>
  z
    .int()
    .min(least)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

const origin = z.string().regex(/^(\*|null|[a-z][a-z0-9+.-]*:\/\/[^/\s*]+)$/);

/** Configuration of WebSocket; its listeners are those of `http`. */
export const webSocketConfigSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Off: a request to upgrade is a request like any other.'),
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  maxMessageBytes: z
    .int()
    .min(1)
    .max(2 ** 30)
    .default(2 ** 20)
    .describe(
      'Largest message of a client, inflated; a larger one closes the connection with 1009. A message ' +
        'is held in memory until it is complete.',
    ),
  origins: z
    .array(origin)
    .default([])
    .meta({
      accepted: 'origins such as https://example.com, null, or *',
      description:
        'Pages of other hosts that may connect, by their origin. `*`: every page. Pages of the same host, ' +
        'and clients that are no pages, always may.',
    }),
  pingIntervalMs: duration('How often clients are pinged. 0: never.', 20_000, 0),
  silenceTimeoutMs: duration(
    'A client of which nothing came for this time, no answer to a ping either, is cut off.',
    60_000,
  ),
  idleTimeoutMs: duration(
    'A connection for several exchanges on which none is under way is closed after this time.',
    60_000,
  ),
  closeTimeoutMs: duration(
    'A client that does not answer a close after this time is cut off.',
    30_000,
  ),
  deflate: z
    .boolean()
    .default(false)
    .describe('Agree to permessage-deflate. It costs a core more than most networks are worth.'),
  deflateThresholdBytes: z
    .int()
    .min(0)
    .default(1024)
    .describe('Smaller messages are sent as they are.'),
});

/** See `webSocketConfigSchema` for what each one means. */
export type WebSocketConfig = z.output<typeof webSocketConfigSchema>;
