import { byKey, type Definition, keyed, single } from './definition.js';
import type { LaneUse, SegmentSnapshot } from './snapshots.js';

function lanes(
  name: string,
  help: string,
  read: (use: LaneUse) => number,
): Definition<SegmentSnapshot> {
  return byKey('gauge', name, 'lane', help, (segment) => {
    const entries = Object.entries(segment.lanes).map(([lane, use]) => [lane, read(use)] as const);
    return Object.fromEntries(entries);
  });
}

/** What is the same whichever server process is asked. */
export const SEGMENT_METRICS: readonly Definition<SegmentSnapshot>[] = [
  single('gauge', 'segment_bytes', 'Size of the shared memory.', (one) => one.totalBytes),
  single(
    'gauge',
    'memory_available_bytes',
    'Memory that the machine, or the container, can still give.',
    (one) => one.memoryAvailableBytes,
  ),
  {
    name: 'pool_streams',
    type: 'gauge',
    help: 'Places of a pool: `free`, `open`, or `set_aside`: closed, and still held by a worker.',
    labels: ['pool', 'state'],
    read: ({ pools }) =>
      pools.flatMap(({ name, free, open, setAside }) =>
        keyed({ free, open, set_aside: setAside }, 'state', { pool: name }),
      ),
  },
  byKey(
    'gauge',
    'workers',
    'role',
    'Attached processes: `responder`, `observer`, and `ingress` for those of the server.',
    (one) => one.workers,
  ),
  single('gauge', 'worker_capacity', 'Streams that all responders take at once.', (one) => {
    return one.capacity;
  }),
  single('gauge', 'worker_streams', 'Streams that the responders say they have.', (one) => {
    return one.inFlight;
  }),
  lanes('ring_readers', 'Workers, or server processes, that read lanes.', (use) => use.readers),
  lanes('ring_lag_slots', 'Slots that the slowest reader is behind its writer.', (use) => {
    return use.maxLag;
  }),
  lanes('lanes_full', 'Lanes whose writer waits for its slowest reader.', (use) => use.full),
];
