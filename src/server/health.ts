import type { AdminConfig } from '../config/admin-schema.js';
import type { Ingress } from '../ingress/index.js';
import { availableBytes } from '../metrics/index.js';
import { type Segment, WorkerRole } from '../ring/index.js';

/** One thing that was looked at. */
export type Check = { readonly ok: boolean } & Readonly<Record<string, number | boolean>>;

/** The body of /healthz and /readyz. */
export interface HealthReport {
  readonly status: string;
  /** Name of the process in the segment. */
  readonly process: string;
  readonly checks: Readonly<Record<string, Check>>;
}

export interface HealthSource {
  readonly process: string;
  readonly segment: Segment;
  readonly ingress: Ingress;
  /** Every address is bound. */
  readonly listening: boolean;
  readonly draining: boolean;
  readonly wanted: Pick<AdminConfig, 'minWorkers' | 'minMemoryBytes'>;
}

/** Whether the process should go on living. */
export function health(source: HealthSource): HealthReport & { readonly ok: boolean } {
  return report(source, { segment: segmentCheck(source.segment) }, ['ok', 'failing']);
}

/** Whether the process should be sent requests. */
export function readiness(source: HealthSource): HealthReport & { readonly ok: boolean } {
  const { segment, ingress, listening, draining, wanted } = source;
  const { waitingBytes, waitingLimitBytes = Number.POSITIVE_INFINITY } = ingress.stats();
  const room = waitingBytes < waitingLimitBytes;
  const free = wanted.minMemoryBytes === 0 || availableBytes() >= wanted.minMemoryBytes;
  const attached = segment.closed ? 0 : respondersOf(segment);
  const checks = {
    segment: segmentCheck(segment),
    listening: { ok: listening },
    accepting: { ok: !draining },
    workers: { ok: attached >= wanted.minWorkers, attached, wanted: wanted.minWorkers },
    memory: { ok: room && free },
  };
  return report(source, checks, ['ready', 'not ready']);
}

function report(
  { process }: HealthSource,
  checks: Readonly<Record<string, Check>>,
  [good, bad]: readonly [string, string],
): HealthReport & { readonly ok: boolean } {
  const ok = Object.values(checks).every((check) => check.ok);
  return { ok, status: ok ? good : bad, process, checks };
}

/** It is mapped, and still the one that workers are let into. */
function segmentCheck(segment: Segment): Check {
  return { ok: !segment.closed && segment.native.connected() };
}

function respondersOf(segment: Segment): number {
  return segment.native.workers().filter(({ role }) => role & WorkerRole.responder).length;
}
