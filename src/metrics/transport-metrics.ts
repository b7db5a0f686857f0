import type { HistogramStats, MediaStats, TransportExchangeStats } from '../ingress/index.js';
import type { PacketStats, TransportStats } from '../transports/transport.js';
import { type Definition, histogramSamples, keyed } from './definition.js';
import type { ProcessSnapshot } from './snapshots.js';

type Kind = 'counter' | 'gauge';

/** One value for each transport that has one. */
function values<Stats>(
  { type, name, help }: { type: Kind; name: string; help: string },
  of: (process: ProcessSnapshot) => [string, Stats | undefined][],
  read: (stats: Stats) => number | undefined,
): Definition<ProcessSnapshot> {
  return {
    name,
    type,
    help,
    labels: ['transport'],
    read: (process) =>
      of(process).flatMap(([transport, stats]) => {
        const value = stats && read(stats);
        return value === undefined ? [] : [{ labels: { transport }, value }];
      }),
  };
}

/** What the connections of a transport did. */
function connections(
  type: Kind,
  name: string,
  help: string,
  read: (stats: TransportStats) => number,
): Definition<ProcessSnapshot> {
  return values({ type, name, help }, ({ stats }) => Object.entries(stats.transports), read);
}

/** What transports count that see packets. */
function packets(
  name: string,
  help: string,
  read: (stats: PacketStats) => number | undefined,
  type: Kind = 'counter',
): Definition<ProcessSnapshot> {
  const of = ({ stats }: ProcessSnapshot): [string, PacketStats | undefined][] =>
    Object.entries(stats.transports).map(([transport, one]) => [transport, one.packets]);
  return values({ type, name, help }, of, read);
}

/** What the media streams of a transport did, where there were any. */
function media(
  type: Kind,
  name: string,
  help: string,
  read: (stats: MediaStats) => number | undefined,
): Definition<ProcessSnapshot> {
  return values({ type, name, help }, mediaOf, read);
}

/** The same by codec. */
function codecs(
  type: Kind,
  name: string,
  help: string,
  read: (stats: MediaStats) => Readonly<Record<string, number>>,
): Definition<ProcessSnapshot> {
  return {
    name,
    type,
    help,
    labels: ['transport', 'codec'],
    read: (process) =>
      mediaOf(process).flatMap(([transport, stats]) =>
        stats ? keyed(read(stats), 'codec', { transport }) : [],
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
  return values({ type, name, help }, exchanges, read);
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

function mediaOf(process: ProcessSnapshot): [string, MediaStats | undefined][] {
  return exchanges(process).map(([transport, { media: stats }]) => [transport, stats]);
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
  packets('packets_retransmitted_total', 'Packets that came a second time.', (one) => {
    return one.retransmittedTotal;
  }),
  packets(
    'packet_rtt_seconds',
    'Round-trip time of the connection that has the greatest.',
    ({ greatestRttMs }) => (greatestRttMs === undefined ? undefined : greatestRttMs / 1000),
    'gauge',
  ),
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
  codecs('gauge', 'media_tracks', 'Tracks of media streams that are under way.', (one) => {
    return one.tracks;
  }),
  codecs('counter', 'media_units_total', 'Access units that came.', (one) => one.unitsTotal),
  codecs('counter', 'media_bytes_total', 'Bytes of access units that came.', (one) => {
    return one.bytesTotal;
  }),
  media('counter', 'media_keyframes_total', 'Keyframes that came.', (one) => one.keyframesTotal),
  media(
    'counter',
    'media_frames_dropped_total',
    'Frames that could not be decoded, or were not wanted: no worker sees them.',
    (one) => one.droppedTotal,
  ),
  media(
    'gauge',
    'media_keyframe_age_seconds',
    'Since the newest keyframe of the stream that waits longest for the next one.',
    ({ oldestKeyframeMs }) =>
      oldestKeyframeMs === undefined ? undefined : oldestKeyframeMs / 1000,
  ),
  media(
    'gauge',
    'media_streams_waiting',
    'Streams whose publisher has gone and may come back.',
    (one) => {
      return one.waiting;
    },
  ),
  media(
    'counter',
    'media_streams_continued_total',
    'Publishers that came back and went on.',
    (one) => {
      return one.continuedTotal;
    },
  ),
  durations('stream_duration_seconds', 'From the opening of a stream to its end.', (one) => {
    return one.durationSeconds;
  }),
];
