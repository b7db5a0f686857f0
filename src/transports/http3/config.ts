import { z } from 'zod';

const MAX_MS = 2 ** 31 - 1;

const path = (what: string) =>
  z.string().min(1).meta({ path: true, accepted: 'the path of a PEM file', description: what });

const count = (what: string, preset: number, most: number) =>
  z.int().min(1).max(most).default(preset).describe(what);

const size = (what: string, preset: number, least = 0) =>
  z.int().min(least).default(preset).describe(what);

const tls = z.strictObject({
  certFile: path('Certificate chain, PEM.'),
  keyFile: path('Private key, PEM.'),
  passphrase: z
    .string()
    .optional()
    .meta({ secret: true, description: 'Passphrase of the private key.' }),
});

/** Configuration of HTTP/3. */
export const http3ConfigSchema = z.strictObject({
  enabled: z
    .boolean()
    .optional()
    .describe('Listen for HTTP/3. Without it: where `tls` is given here.'),
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Address to listen on; without it that of `http.tls`. Chromium reaches `0.0.0.0` and `::` only; ' +
        'without authentication clients of other machines are sent away all the same.',
    ),
  port: z.int().min(0).max(65_535).default(8443).describe('UDP port; 0 takes a free one.'),
  tls: tls.optional().describe('Certificate; without it that of `http.tls`.'),
  requireLength: z
    .boolean()
    .default(true)
    .describe(
      'A body without Content-Length is answered 411: the engine can take a cut request for a whole one.',
    ),
  streamBudgetBytes: size(
    'Bytes of one request that may wait for room in its lane; 503 beyond. Less than half of ' +
      '`budgetBytes` lets a slow request fail before it slows the others down.',
    64 * 2 ** 20,
    2 ** 16,
  ),
  budgetBytes: size(
    'Bytes of all requests that may wait; at half of it all clients are held back, and a request that ' +
      'passes it is answered 503.',
    64 * 2 ** 20,
    2 ** 16,
  ),
  engineBudgetBytes: size(
    'Bytes of all connections that the engine may hold while clients are held back; beyond that the ' +
      'connections that hold the most are closed.',
    256 * 2 ** 20,
    2 ** 20,
  ),
  maxConnections: count(
    'Connections at once, about: each thread of the engine has its share; more are not answered.',
    1000,
    100_000,
  ),
  maxStreamsPerConnection: count('Requests of one connection at once.', 128, 10_000),
  idleTimeoutMs: z
    .int()
    .min(100)
    .max(MAX_MS)
    .default(30_000)
    .describe('A connection of which nothing is heard for this time is gone.'),
  lingerMs: z
    .int()
    .min(1)
    .max(MAX_MS)
    .default(5000)
    .describe('How long the rest of a request is read away after its answer.'),
  lingerBytes: size(
    'How much of the rest of a request is read away after its answer.',
    32 * 2 ** 20,
  ),
});

/** See `http3ConfigSchema` for what each one means. */
export type Http3Config = z.output<typeof http3ConfigSchema>;
