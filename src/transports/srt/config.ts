import { z } from 'zod';

/** libsrt takes passphrases of these lengths. */
const passphrase = z
  .string()
  .min(10)
  .max(79)
  .refine((text) => Buffer.byteLength(text) <= 79, 'is longer than 79 bytes')
  .meta({ secret: true, accepted: '10 to 79 bytes' })
  .describe(
    'Passphrase that a caller must have; its AES key length is the one that the caller has.',
  );

const port = z.int().min(0).max(65_535);

const user = z.strictObject({
  name: z.string().min(1).max(128).describe('`u=` of the stream id, or the user of `publish:`.'),
  passphrase: passphrase.optional().describe('Instead of the passphrase for everybody.'),
  resources: z
    .array(z.string().min(1).max(512))
    .default([])
    .describe(
      'Resources, `r=` of the stream id, that the user may publish; one that ends in `*` stands for all ' +
        'that begin so. Empty: all.',
    ),
});

const answers = z.strictObject({
  path: z
    .string()
    .regex(/^\/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]$/)
    .default('/srt-answers')
    .describe('HTTP path below which the answers to callers with `user_answer` are fetched.'),
  keepMs: z
    .int()
    .min(1000)
    .max(24 * 3_600_000)
    .default(300_000)
    .describe('How long an answer can be fetched after its end.'),
  maxBytes: z
    .int()
    .min(2 ** 16)
    .max(2 ** 30)
    .default(64 * 2 ** 20)
    .describe('Most bytes of all kept answers; the oldest make room.'),
});

/** Configuration of SRT. */
export const srtConfigSchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Listen for SRT.'),
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: port
    .default(9710)
    .describe('UDP port of live callers, and of those that say `t=file`; 0 takes a free one.'),
  filePort: port
    .optional()
    .describe(
      'A second UDP port, whose callers are in file mode unless they say `t=stream`: for senders that ' +
        'cannot, such as srt-file-transmit.',
    ),
  passphrase: passphrase
    .optional()
    .describe('Passphrase for everybody; without it callers are not encrypted.')
    .meta({ reload: 'new connections' }),
  users: z
    .array(user)
    .default([])
    .describe(
      'Whom the handshake lets in; everybody else is refused in it. Empty: everybody. `auth` is asked ' +
        'afterwards in any case.',
    )
    .meta({ reload: 'new connections' }),
  answers: answers.prefault({}).describe('Answers that are kept for callers that have left.'),
  latencyMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(120)
    .describe('Live mode: how long a lost packet is waited for; then it is skipped.'),
  highThroughput: z
    .boolean()
    .default(false)
    .describe(
      'Live mode without packet times: nothing is skipped, and a slow worker slows the sender down. For ' +
        'uploads by tools that have live mode only.',
    ),
  receiveBufferBytes: z
    .int()
    .min(2 ** 20)
    .max(2 ** 30)
    .default(48 * 2 ** 20)
    .describe('Most that one connection may keep unread; memory is taken as it is needed.'),
  udpBufferBytes: z
    .int()
    .min(2 ** 16)
    .max(2 ** 30)
    .default(8 * 2 ** 20)
    .describe('Buffer of each UDP port, as far as the kernel allows it (net.core.rmem_max).'),
  idleTimeoutMs: z
    .int()
    .min(1000)
    .max(2 ** 31 - 1)
    .default(5000)
    .describe('A caller of which nothing is heard for this time is gone.'),
  firstBytesTimeoutMs: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(10_000)
    .describe('A caller that has sent nothing after this time is cut off.'),
  maxConnections: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('Connections at once; more are refused in their handshake.'),
});

/** See `srtConfigSchema` for what each one means. */
export type SrtConfig = z.output<typeof srtConfigSchema>;
