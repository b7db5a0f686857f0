import { z } from 'zod';

/** Paths that answer operations, whatever `http.prefix` is. */
export const OPERATIONS_PATHS = {
  health: '/healthz',
  readiness: '/readyz',
  metrics: '/metrics',
} as const;

/** Configuration of health, readiness and metrics. */
export const adminSchema = z.strictObject({
  onHttp: z
    .boolean()
    .default(true)
    .describe('Answer /healthz, /readyz and /metrics on the listeners of `http`.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address of the listener of its own.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe(
      'Port of a listener of its own for the same paths, without TLS; it answers until the server ' +
        'has drained. 0 takes a free one. Without it: no such listener.',
    ),
  minWorkers: z
    .int()
    .min(0)
    .max(63)
    .default(0)
    .describe('/readyz says 503 while fewer workers that answer are attached.')
    .meta({ reload: 'at once' }),
  minMemoryBytes: z
    .int()
    .min(0)
    .default(0)
    .describe('/readyz says 503 while the machine, or its container, can give less. 0: never.')
    .meta({ reload: 'at once' }),
});

/** See `adminSchema` for what each one means. */
export type AdminConfig = z.output<typeof adminSchema>;
