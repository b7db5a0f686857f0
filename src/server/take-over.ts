import type { AdmissionSet } from '../admission/index.js';
import type { Config } from '../config/schema.js';
import { ERRORS, UploadResponseError } from '../errors/index.js';
import type { HttpFront, ReloadStep } from '../http/index.js';
import type { Ingress } from '../ingress/index.js';
import type { TransportName } from '../transports/registry.js';
import type { Transport } from '../transports/transport.js';
import type { ServerLog } from './log.js';
import { planReload, type ReloadPlan } from './reload-plan.js';
import { validConfig } from './valid-config.js';

/** The parts of a server that can be changed while it runs. */
export interface ChangeableParts {
  readonly ingress: Ingress;
  readonly http: HttpFront;
  readonly transports: ReadonlyMap<string, Transport>;
  readonly admission: AdmissionSet;
  readonly logs: ServerLog;
}

/** What a running server took over of another configuration. Keys such as `limits.maxBodyBytes`;
 *  `config` is what is in force now. */
export interface ReloadReport extends ReloadPlan {
  /** Sections whose certificates are others now, such as `http.tls`. */
  readonly certificates: readonly string[];
}

/** Takes over what can be changed, all of it or nothing: everything that can fail comes first.
 *  @throws UploadResponseError INVALID_CONFIG */
export function takeOver(parts: ChangeableParts, running: Config, wanted: Config): ReloadReport {
  const plan = planReload(running, wanted);
  const { config } = plan;
  checkTogether(config);
  const { auth, limits, workers, log } = config;
  const { http, transports, admission, ingress, logs } = parts;
  const steps: ReloadStep[] = [
    { commit: admission.prepare(auth, limits) },
    http.reload(config.http),
    ...[...transports].flatMap(([name, transport]) => {
      return transport.reload?.(config.transports[name as TransportName], config.http) ?? [];
    }),
  ];
  for (const step of steps) step.commit();
  const { killStuckAfterMs } = workers;
  ingress.configure({ limits, killStuckAfterMs, logStreams: log.streams });
  logs.setLevel(log.level);
  const stale = steps.flatMap(({ needRestart = [] }) => needRestart);
  return {
    ...plan,
    needRestart: [...plan.needRestart, ...stale.filter((key) => !names(plan.needRestart, key))],
    certificates: steps.flatMap(({ certificates = [] }) => certificates),
  };
}

/** Whether one of these keys is this section, or inside of it. */
function names(keys: readonly string[], section: string): boolean {
  return keys.some((key) => key === section || key.startsWith(`${section}.`));
}

/** What is taken over must be valid beside what is not: without authentication, for one, the addresses
 *  that are bound must not be reachable from elsewhere. */
function checkTogether(config: Config): void {
  try {
    validConfig(config);
  } catch (error) {
    const message = (error as Error).message.replace(`${ERRORS.INVALID_CONFIG.text}: `, '');
    const detail = `beside what changes only with a restart: ${message}`;
    throw new UploadResponseError('INVALID_CONFIG', detail);
  }
}
