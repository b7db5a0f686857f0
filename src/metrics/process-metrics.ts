import type { IngressStats } from '../ingress/index.js';
import { byKey, type Definition, histogramSamples, single } from './definition.js';
import type { ProcessSnapshot, ServerStats } from './snapshots.js';

type Read = (process: ProcessSnapshot) => number | undefined;

const stats = (read: (stats: ServerStats) => number | undefined): Read => {
  return (process) => read(process.stats);
};
const ingress = (read: (stats: IngressStats) => number | undefined): Read => {
  return (process) => read(process.stats.ingress);
};

/** What each server process counts for itself, whatever its transports do. */
export const PROCESS_METRICS: readonly Definition<ProcessSnapshot>[] = [
  {
    name: 'build_info',
    type: 'gauge',
    help: 'Always 1; the version of the program.',
    labels: ['version'],
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  single('gauge', 'start_time_seconds', 'Start of the process, in seconds since 1970.', (one) => {
    return one.startedAt;
  }),
  single(
    'gauge',
    'resident_memory_bytes',
    'Memory of the process, shared memory included.',
    (one) => {
      return one.residentBytes;
    },
  ),
  single('gauge', 'heap_bytes', 'JavaScript heap that is in use.', (one) => one.heapBytes),
  byKey('counter', 'cpu_seconds_total', 'mode', 'Time on a CPU, all threads together.', (one) => ({
    user: one.userCpuSeconds,
    system: one.systemCpuSeconds,
  })),
  {
    name: 'event_loop_delay_seconds',
    type: 'histogram',
    help: 'How late timers run: what a request waits for the event loop.',
    labels: [],
    read: (one) => histogramSamples(one.eventLoopDelaySeconds, {}),
  },
  single(
    'counter',
    'event_loop_active_seconds_total',
    'Time in which the event loop was busy.',
    (one) => {
      return one.eventLoopActiveSeconds;
    },
  ),
  single(
    'gauge',
    'waiting_bytes',
    'Bytes of uploads that wait for room in their lanes.',
    ingress((one) => one.waitingBytes),
  ),
  single(
    'gauge',
    'waiting_limit_bytes',
    'What may wait at most: limits.maxWaitingBytes. Absent without a limit.',
    ingress((one) => one.waitingLimitBytes),
  ),
  single(
    'gauge',
    'streams_lingering',
    'Answered streams whose request observers still read.',
    ingress((one) => one.lingering),
  ),
  single(
    'counter',
    'requeues_total',
    'Requests that another worker got after one had died.',
    ingress((one) => one.requeuesTotal),
  ),
  single(
    'counter',
    'offers_to_all_total',
    'Streams that the first worker did not take in limits.claimPatienceMs.',
    ingress((one) => one.offersToAllTotal),
  ),
  single(
    'counter',
    'reader_evictions_total',
    'Reader places that were taken from workers that did not read on.',
    ingress((one) => one.evictionsTotal),
  ),
  single(
    'counter',
    'workers_attached_total',
    'Workers that were let in; counted by the arbiter.',
    ingress((one) => one.workersAttachedTotal),
  ),
  single(
    'counter',
    'worker_deaths_total',
    'Workers that died; counted by the arbiter.',
    ingress((one) => one.workersDiedTotal),
  ),
  single(
    'counter',
    'workers_refused_total',
    'Workers that were not let in; counted by the arbiter.',
    ingress((one) => one.workersRefusedTotal),
  ),
  single(
    'counter',
    'torn_slots_total',
    'Slots that a dying process left half written; nobody saw them.',
    ingress((one) => one.tornSlotsTotal),
  ),
  single(
    'gauge',
    'arbiter',
    '1 for the process that lets workers in, else 0.',
    ingress((one) => (one.arbiter ? 1 : 0)),
  ),
  single(
    'counter',
    'process_deaths_total',
    'Other server processes that died; counted by the arbiter.',
    ingress((one) => one.ingressesDiedTotal),
  ),
  single(
    'counter',
    'arbiter_changes_total',
    "How often the process became the arbiter in another's place.",
    ingress((one) => one.arbiterChangesTotal),
  ),
  byKey(
    'counter',
    'connections_refused_total',
    'code',
    'Connections that were closed unread, by error code.',
    (one) => one.stats.refusedConnectionsTotal,
  ),
  byKey(
    'counter',
    'config_reloads_total',
    'result',
    'Configurations that were read again: `done`, or `refused` and the old one kept.',
    ({ stats: { reloads } }) => ({ done: reloads.doneTotal, refused: reloads.refusedTotal }),
  ),
  byKey(
    'gauge',
    'certificate_expiry_time_seconds',
    'section',
    'When the certificate expires that is in force, in seconds since 1970; by the section of the ' +
      'configuration that has it, such as `http.tls`. Absent without TLS.',
    ({ stats: { certificateExpiresAt, transports } }) => {
      const found = Object.entries(transports).map(([name, one]) => {
        return [`transports.${name}.tls`, one.certificateExpiresAt] as const;
      });
      return Object.fromEntries(
        [['http.tls', certificateExpiresAt] as const, ...found].filter(
          ([, at]) => at !== undefined,
        ),
      );
    },
  ),
  single(
    'counter',
    'log_lines_dropped_total',
    'Lines that were not logged, since whoever reads the log was too slow.',
    stats((one) => one.logLinesDroppedTotal),
  ),
];
