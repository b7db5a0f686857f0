import { z } from 'zod';
import { tlsListenerSchema } from '../../http/index.js';

const duration = (what: string, preset: number, least = 1) =>
  z
    .int()
    .min(least)
    .max(2 ** 31 - 1)
    .default(preset)
    .describe(what);

/** Configuration of raw TCP and TLS. */
export const tcpConfigSchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Listen for raw TCP, and with `tls` for TLS too.'),
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(9700)
    .describe('TCP port without TLS; 0 takes a free one.'),
  plain: z.boolean().default(true).describe('Listen without TLS too.'),
  tls: tlsListenerSchema(9701, 'TCP port of TLS; 0 takes a free one.')
    .optional()
    .describe('Listen with TLS.'),
  tokenLine: z
    .enum(['never', 'always', 'without-certificate'])
    .default('never')
    .describe(
      'Who begins with a line `TOKEN <token>`, which is not part of the body. `without-certificate`: ' +
        'everybody but clients whose certificate was verified.',
    ),
  answers: z
    .enum(['body', 'head-and-body'])
    .default('body')
    .describe(
      "What an answer consists of. `body`: the worker's bytes and nothing else. `head-and-body`: before " +
        'them one line of JSON with `status` and `headers`; errors are answered alike.',
    ),
  errors: z
    .enum(['line', 'reset'])
    .default('line')
    .describe(
      'Where answers are a body alone, how a request fails before the first byte of its answer: with ' +
        'a line `ERROR <status> <code> <message>`, or by a reset.',
    ),
  firstBytesTimeoutMs: duration(
    'The TLS handshake, then the token line or the first byte, must be there after this time.',
    10_000,
  ),
  idleTimeoutMs: duration(
    'A request of which nothing comes for this time, while the server would take it, is ended. 0: never.',
    60_000,
    0,
  ),
  lingerMs: duration(
    'How long the rest of a request is read away after its answer, so that the client sees it.',
    5000,
  ),
  lingerBytes: z
    .int()
    .min(0)
    .default(32 * 2 ** 20)
    .describe('How much of the rest of a request is read away after its answer.'),
  maxConnections: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('Connections at once, of each listener; more are closed at once.')
    .meta({ reload: 'new connections' }),
});

/** See `tcpConfigSchema` for what each one means. */
export type TcpConfig = z.output<typeof tcpConfigSchema>;
