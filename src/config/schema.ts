import { z } from 'zod';
import { type AuthConfig, authConfigSchema, isAuthConfigured } from '../admission/config.js';
import { admissionLimitsShape } from '../admission/limits.js';
import { CONTROL_PREFIX, controlConfigSchema } from '../control/config.js';
import { type HttpConfig, httpConfigSchema } from '../http/config.js';
import { limitsSchema } from '../ingress/limits.js';
import { isEnabled } from '../transports/http3/is-enabled.js';
import { TRANSPORTS, type TransportName } from '../transports/registry.js';
import type { TransportDefinition } from '../transports/transport.js';
import { adminSchema, OPERATIONS_PATHS } from './admin-schema.js';
import { exposedAddresses } from './exposure.js';
import { segmentSchema } from './segment-schema.js';

/** One key for each transport in the registry, with the transport's own schema. */
type TransportSchemas = {
  [Name in TransportName]: z.ZodPrefault<(typeof TRANSPORTS)[Name]['configSchema']>;
};

const transports = z.strictObject(
  Object.fromEntries(
    Object.entries<TransportDefinition>(TRANSPORTS).map(([name, transport]) => [
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
    limits: limitsSchema.extend(admissionLimitsShape).prefault({}).meta({ reload: 'new streams' }),
    auth: authConfigSchema.prefault({}).meta({ reload: 'new requests' }),
    control: controlConfigSchema.prefault({}),
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
      .prefault({})
      .meta({ reload: 'at once' }),
    admin: adminSchema.prefault({}),
    reload: z
      .strictObject({
        watchMs: z
          .int()
          .min(0)
          .max(2 ** 31 - 1)
          .default(2000)
          .describe(
            'How often `serve` looks whether configuration, certificates and key set have changed; ' +
              'they are read again when they have been quiet for so long. 0: only at SIGHUP.',
          ),
      })
      .prefault({}),
    log: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
          .default('info')
          .describe('Least severe messages that are logged (on standard error).')
          .meta({ reload: 'at once' }),
        pretty: z
          .boolean()
          .optional()
          .describe(
            'Lines for people instead of JSON. Without it: when standard error is a terminal.',
          ),
        streams: z
          .boolean()
          .default(true)
          .describe('A line for each stream at its end.')
          .meta({ reload: 'at once' }),
      })
      .prefault({}),
    shutdown: z
      .strictObject({
        announceMs: z
          .int()
          .min(0)
          .max(2 ** 31 - 1)
          .default(0)
          .describe(
            'After SIGTERM: time in which /readyz says 503 and everything is still taken, so that a ' +
              'load balancer can look elsewhere first.',
          ),
        drainTimeoutMs: z
          .int()
          .min(0)
          .max(2 ** 31 - 1)
          .default(30_000)
          .describe('After that: time that running requests have to finish; then they are cut.'),
      })
      .prefault({})
      .meta({ reload: 'at once' }),
  })
  .superRefine((config, context) => {
    if (!isAuthConfigured(config.auth)) {
      for (const { path, host } of exposedAddresses(config)) {
        context.addIssue({ code: 'custom', path, message: exposedText(host) });
      }
    }
    if (config.control.enabled && config.http.prefix.startsWith(CONTROL_PREFIX)) {
      const message = `stands where the control API is served; accepted: no path below ${CONTROL_PREFIX}`;
      context.addIssue({ code: 'custom', path: ['http', 'prefix'], message });
    }
    const { auth, http, transports } = config;
    checkCertificates({ auth, http, transports }, context);
    const reserved: string[] = config.admin.onHttp ? Object.values(OPERATIONS_PATHS) : [];
    if (reserved.includes(config.http.prefix)) {
      const message = `${config.http.prefix} is taken; accepted: another path, or admin.onHttp: false`;
      context.addIssue({ code: 'custom', path: ['http', 'prefix'], message });
    }
    checkHttp3(config.transports.http3, config.http, context);
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
  {
    auth,
    http,
    transports: { rtmp, tcp },
  }: {
    readonly auth: AuthConfig;
    readonly http: HttpConfig;
    readonly transports: {
      readonly rtmp: z.output<(typeof TRANSPORTS)['rtmp']['configSchema']>;
      readonly tcp: z.output<(typeof TRANSPORTS)['tcp']['configSchema']>;
    };
  },
  context: z.RefinementCtx,
): void {
  const others = [rtmp, tcp].map(({ enabled, tls }) => (enabled ? tls : undefined));
  const asking = [http.tls, ...others];
  const asked = asking.some((tls) => tls !== undefined && tls.clientCertificates !== 'none');
  if (auth.certificates.length === 0 || asked) return;
  const message =
    'no client is asked for a certificate: set http.tls.clientCertificates (or that of ' +
    'transports.tcp.tls, transports.rtmp.tls) to optional or required';
  context.addIssue({ code: 'custom', path: ['auth', 'certificates'], message });
}

function exposedText(host: string): string {
  return (
    `${host} is no loopback address, and nobody has to authenticate: configure auth, listen on ` +
    '127.0.0.1, or say with auth.anonymous: [publish] that everybody may upload'
  );
}

function checkHttp3(
  http3: z.output<(typeof TRANSPORTS)['http3']['configSchema']>,
  { tls }: z.output<typeof httpConfigSchema>,
  context: z.RefinementCtx,
): void {
  if (!isEnabled(http3)) return;
  const wrong = (key: string, message: string) =>
    context.addIssue({ code: 'custom', path: ['transports', 'http3', key], message });
  if (!http3.tls && !tls) {
    wrong('tls', 'is missing; accepted: a certificate here, or in http.tls');
  }
  if (tls?.clientCertificates === 'required') {
    const why = 'is true where http.tls.clientCertificates is required';
    wrong('enabled', `${why}: HTTP/3 cannot ask clients for a certificate; accepted: false`);
  }
  if (http3.streamBudgetBytes > http3.budgetBytes) {
    wrong('streamBudgetBytes', 'is more than budgetBytes; accepted: at most that');
  }
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
