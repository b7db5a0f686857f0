import type { HistogramStats, TransportExchangeStats } from '../ingress/index.js';
import type { PacketStats, TransportStats } from '../transports/transport.js';
import { type Definition, histogramSamples, keyed } from './definition.js';
import type { ProcessSnapshot } from './snapshots.js';

type Kind = 'counter' | 'gauge';

/** What the connections of a transport did. */
function connections(
  type: Kind,
  name: string,
  help: string,
  read: (stats: TransportStats) => number,
): Definition<ProcessSnapshot> {
  return {
    name,
    type,
    help,
    labels: ['transport'],
    read: ({ stats }) =>
      Object.entries(stats.transports).map(([transport, one]) => ({
        labels: { transport },
        value: read(one),
      })),
  };
}

/** What transports count that see packets. */
function packets(
  name: string,
  help: string,
  read: (stats: PacketStats) => number,
): Definition<ProcessSnapshot> {
  return {
    name,
    type: 'counter',
    help,
    labels: ['transport'],
    read: ({ stats }) =>
      Object.entries(stats.transports).flatMap(([transport, { packets: seen }]) =>
        seen ? [{ labels: { transport }, value: read(seen) }] : [],
      ),
  };
}

/** What the streams of a transport did. */
function streams(
  type: Kind,
  name: string,
  help: string,
  read: (stats: TransportExchangeStats) => number,
): Definition<ProcessSnapshot> {
  return {
    name,
    type,
    help,
    labels: ['transport'],
    read: (process) =>
      exchanges(process).map(([transport, one]) => ({ labels: { transport }, value: read(one) })),
  };
}

function durations(
  name: string,
  help: string,
  read: (stats: TransportExchangeStats) => HistogramStats,
): Definition<ProcessSnapshot> {
  return {
    name,
    type: 'histogram',
    help,
    labels: ['transport'],
    read: (process) =>
      exchanges(process).flatMap(([transport, one]) => histogramSamples(read(one), { transport })),
  };
}

function exchanges({ stats }: ProcessSnapshot): [string, TransportExchangeStats][] {
  return Object.entries(stats.ingress.transports);
}

/** What each server process counts for each of its transports. */
export const TRANSPORT_METRICS: readonly Definition<ProcessSnapshot>[] = [
  connections('gauge', 'connections', 'Connections that are open.', (one) => one.connections),
  connections('counter', 'connections_total', 'Connections that were taken.', (one) => {
    return one.connectionsTotal;
  }),
  connections('counter', 'requests_total', 'Requests that came, refused ones too.', (one) => {
    return one.requestsTotal;
  }),
  {
    name: 'requests_refused_total',
    type: 'counter',
    help:
      'Requests that were answered before they became a stream, by error code. Transport `admin`: ' +
      'those for metrics.',
    labels: ['transport', 'code'],
    read: ({ stats: { transports, refusedOperationsTotal } }) => [
      ...Object.entries(transports).flatMap(([transport, { refusedTotal }]) =>
        keyed(refusedTotal, 'code', { transport }),
      ),
      ...keyed(refusedOperationsTotal, 'code', { transport: 'admin' }),
    ],
  },
  packets('packets_received_total', 'Packets of data that came.', (one) => one.receivedTotal),
  packets('packets_lost_total', 'Packets found missing; most of them come again.', (one) => {
    return one.lostTotal;
  }),
  packets('packets_dropped_total', 'Packets given up: a worker never has their bytes.', (one) => {
    return one.droppedTotal;
  }),
  packets('packets_undecrypted_total', 'Packets that could not be decrypted.', (one) => {
    return one.undecryptedTotal;
  }),
  streams('gauge', 'streams_active', 'Streams that are under way.', (one) => one.active),
  streams('counter', 'streams_opened_total', 'Requests that became a stream.', (one) => {
    return one.openedTotal;
  }),
  {
    name: 'streams_ended_total',
    type: 'counter',
    help: 'Streams that ended: outcome `completed`, or the error code.',
    labels: ['transport', 'outcome'],
    read: (process) =>
      exchanges(process).flatMap(([transport, { completedTotal, failedTotal }]) =>
        keyed({ completed: completedTotal, ...failedTotal }, 'outcome', { transport }),
      ),
  },
  streams('counter', 'received_bytes_total', 'Bytes of request bodies that came in.', (one) => {
    return one.receivedBytes;
  }),
  streams('counter', 'sent_bytes_total', 'Bytes of response bodies that were sent.', (one) => {
    return one.sentBytes;
  }),
  durations(
    'first_worker_byte_seconds',
    "From the opening of a stream to the first byte of its worker's answer.",
    (one) => one.firstWorkerByteSeconds,
  ),
  durations(
    'response_latency_seconds',
    'From the end of a request to the head of its response; 0 where that came earlier.',
    (one) => one.responseLatencySeconds,
  ),
  durations('stream_duration_seconds', 'From the opening of a stream to its end.', (one) => {
    return one.durationSeconds;
  }),
];
