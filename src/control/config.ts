import { z } from 'zod';

/** Everything of the control API stands below this path. */
export const CONTROL_PREFIX = '/_upload_response';

/** Configuration of the control API. */
export const controlConfigSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Serve the control API below /_upload_response/ on the listeners of `http`. Without any way ' +
        "to authenticate only processes of the server's own user may use it.",
    ),
  maxRemoteWorkers: z
    .int()
    .min(0)
    .max(62)
    .default(8)
    .describe(
      'Workers that may be registered over the control API at once, in each server process. Each ' +
        'takes a row of `segment.maxWorkers`.',
    ),
  workerTimeoutMs: z
    .int()
    .min(1000)
    .max(300_000)
    .default(10_000)
    .describe(
      'A remote worker that is silent for this long counts as dead, unless its heartbeat names ' +
        'another time.',
    ),
  maxWaitMs: z
    .int()
    .min(0)
    .max(300_000)
    .default(60_000)
    .describe('Longest time that one request to the control API may wait for something.'),
});

/** See `controlConfigSchema` for what each one means. */
export type ControlConfig = z.output<typeof controlConfigSchema>;
