import { z } from 'zod';

const port = (preset: number, what: string) =>
  z.int().min(0).max(65_535).default(preset).describe(what);

const path = (what: string) =>
  z.string().min(1).meta({ path: true, accepted: 'the path of a PEM file', description: what });

const duration = (what: string, preset: number) =>
  z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

const tls = z.strictObject({
  host: z.string().min(1).optional().describe('Address to listen on; the plain one without it.'),
  port: port(8443, 'TLS port; 0 takes a free one.'),
  certFile: path('Certificate chain, PEM.'),
  keyFile: path('Private key, PEM.'),
  passphrase: z
    .string()
    .optional()
    .meta({ secret: true, description: 'Passphrase of the private key.' }),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('Oldest TLS version.'),
});

/** Configuration of HTTP/1.1, plain and TLS. */
export const http1ConfigSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: port(8080, 'Plain port; 0 takes a free one.'),
  plain: z.boolean().default(true).describe('Listen without TLS too.'),
  tls: tls.optional().describe('Listen with TLS.'),
  prefix: z
    .string()
    .regex(/^\/(?:[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*)?$/)
    .default('/upload')
    .meta({
      accepted: 'a path without a slash at its end, such as /upload',
      description: 'Requests to this path and below it become streams.',
    }),
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  maxHeadBytes: z
    .int()
    .min(1024)
    .max(2 ** 20)
    .default(16_384)
    .describe('Largest request head; a larger one is answered 431.'),
  headTimeoutMs: duration('A request head must be complete after this time, else 408.', 30_000),
  keepAliveTimeoutMs: duration('An idle connection is closed after this time.', 5000),
  maxConnections: z
    .int()
    .min(0)
    .default(0)
    .describe('Connections at once, plain and TLS each; more are closed at once. 0: no limit.'),
  lingerMs: duration(
    'How long the rest of a request is read away after its answer, so that the client sees it.',
    5000,
  ),
  lingerBytes: z
    .int()
    .min(0)
    .default(32 * 2 ** 20)
    .describe('How much of the rest of a request is read away after its answer.'),
});

/** See `http1ConfigSchema` for what each one means. */
export type Http1Config = z.output<typeof http1ConfigSchema>;
