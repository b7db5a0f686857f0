import { z } from 'zod';

/** Configuration of HTTP/1.1; its listeners are those of `http`. */
export const http1ConfigSchema = z.strictObject({
  pool: z.string().min(1).default('uploads').describe('Pool in which the streams are opened.'),
  lingerMs: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(5000)
    .describe(
      'How long the rest of a request is read away after its answer, so that the client sees it.',
    ),
  lingerBytes: z
    .int()
    .min(0)
    .default(32 * 2 ** 20)
    .describe('How much of the rest of a request is read away after its answer.'),
});

/** See `http1ConfigSchema` for what each one means. */
export type Http1Config = z.output<typeof http1ConfigSchema>;
