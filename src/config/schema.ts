import { z } from 'zod';
import { type AuthConfig, authConfigSchema, isAuthConfigured } from '../admission/config.js';
import { admissionLimitsShape } from '../admission/limits.js';
import { type HttpConfig, httpConfigSchema } from '../http/config.js';
import { limitsSchema } from '../ingress/limits.js';
import { TRANSPORTS, type TransportName } from '../transports/registry.js';
import { exposedAddresses } from './exposure.js';
import { segmentSchema } from './segment-schema.js';

/** One key for each transport in the registry, with the transport's own schema. */
type TransportSchemas = {
  [Name in TransportName]: z.ZodPrefault<(typeof TRANSPORTS)[Name]['configSchema']>;
};

const transports = z.strictObject(
  Object.fromEntries(
    Object.entries(TRANSPORTS).map(([name, transport]) => [
      name,
      (transport.configSchema as z.ZodObject).prefault({}),
    ]),
  ) as unknown as TransportSchemas,
);

/** A segment has 63 rows, and the workers want some. */
const MAX_PROCESSES = 32;

/** The whole configuration. Every name in the file, the environment and the flags comes from here. */
export const configSchema = z
  .strictObject({
    http: httpConfigSchema.prefault({}),
    transports: transports.prefault({}),
    segment: segmentSchema.prefault({}),
    limits: limitsSchema.extend(admissionLimitsShape).prefault({}),
    auth: authConfigSchema.prefault({}),
    server: z
      .strictObject({
        processes: z
          .int()
          .min(1)
          .max(MAX_PROCESSES)
          .default(1)
          .describe(
            'Processes that `serve` runs on one segment and the same ports. When one dies the others ' +
              'go on. More than 1 need fixed memory.',
          ),
      })
      .prefault({}),
    workers: z
      .strictObject({
        killStuckAfterMs: z
          .int()
          .min(0)
          .max(2 ** 31 - 1)
          .default(0)
          .describe(
            'A worker that still holds a closed stream after this time is killed. 0: never; its ' +
              'place stays set aside.',
          ),
      })
      .prefault({}),
    log: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
          .default('info')
          .describe('Least severe messages that are logged (on standard error).'),
        pretty: z
          .boolean()
          .optional()
          .describe(
            'Lines for people instead of JSON. Without it: when standard error is a terminal.',
          ),
      })
      .prefault({}),
    shutdown: z
      .strictObject({
        drainTimeoutMs: z
          .int()
          .min(0)
          .max(2 ** 31 - 1)
          .default(30_000)
          .describe('After SIGTERM: time that running requests have to finish; then they are cut.'),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    if (!isAuthConfigured(config.auth)) {
      for (const { path, host } of exposedAddresses(config)) {
        context.addIssue({ code: 'custom', path, message: exposedText(host) });
      }
    }
    checkCertificates(config, context);
    checkProcesses(config.server.processes, config.segment, context);
    const names = config.segment.pools.map((pool) => pool.name);
    for (const [name, transport] of Object.entries(config.transports)) {
      const pool = (transport as { pool?: unknown }).pool;
      if (typeof pool !== 'string' || names.includes(pool)) continue;
      context.addIssue({
        code: 'custom',
        path: ['transports', name, 'pool'],
        message: `there is no pool "${pool}"; accepted: ${names.join(', ')}`,
      });
    }
  });

/** Rules that can never match would look as if they protected something. */
function checkCertificates(
  { auth, http }: { readonly auth: AuthConfig; readonly http: HttpConfig },
  context: z.RefinementCtx,
): void {
  const asked = http.tls !== undefined && http.tls.clientCertificates !== 'none';
  if (auth.certificates.length === 0 || asked) return;
  const message =
    'no client is asked for a certificate: set http.tls.clientCertificates to optional or required';
  context.addIssue({ code: 'custom', path: ['auth', 'certificates'], message });
}

function exposedText(host: string): string {
  return (
    `${host} is no loopback address, and nobody has to authenticate: configure auth, listen on ` +
    '127.0.0.1, or say with auth.anonymous: [publish] that everybody may upload'
  );
}

function checkProcesses(
  processes: number,
  { memory, maxWorkers }: z.output<typeof segmentSchema>,
  context: z.RefinementCtx,
): void {
  const wrong = (message: string) =>
    context.addIssue({ code: 'custom', path: ['server', 'processes'], message });
  if (processes > 1 && memory === 'elastic') {
    wrong(`is ${processes} with elastic memory, which only one process can count; accepted: 1`);
  }
  if (processes >= maxWorkers) {
    const most = maxWorkers - 1;
    wrong(`leaves no row of segment.maxWorkers to workers; accepted: at most ${most}`);
  }
}

/** A valid configuration. Sizes in bytes, durations in milliseconds. */
export type Config = z.output<typeof configSchema>;
