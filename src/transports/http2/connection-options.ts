import type { HttpLimits } from '../../http/index.js';
import type { Ingress } from '../../ingress/index.js';
import type { Http2Config } from './config.js';
import type { ConnectionOptions } from './connection.js';
import { MAX_WAITING_BYTES } from './http2-exchange.js';

/** How often connections are looked at, where nothing asks for more. */
const LONGEST_SWEEP_MS = 1000;
const SHORTEST_SWEEP_MS = 20;

/** What nghttp2 keeps of a session beside what waits to be sent. */
const SESSION_BASE_BYTES = 16 * 2 ** 20;

/** What a response may have waiting: `MAX_WAITING_BYTES` and the slot that passed them. */
const STREAM_BYTES = 2 * MAX_WAITING_BYTES;

/** Above nghttp2's own limit of 64 KB a response head would end the connection. What fits into a slot is
 *  below this. */
const MAX_RESPONSE_HEAD_BYTES = 2 ** 24;

const MAX_WINDOW_BYTES = 2 ** 20;
/** The window that every client of HTTP/2 begins with. */
const MIN_WINDOW_BYTES = 65_535;
/** What a stream may have waiting beside its window: in the ingress, and before Node stops reading. */
const BESIDE_WINDOW_BYTES = 48 * 1024;

/** What connections may do, from the transport's configuration and that of its listeners. */
export function connectionOptions(
  config: Http2Config,
  limits: HttpLimits,
  ingress: Ingress,
  pool: number,
): ConnectionOptions {
  const { headTimeoutMs, keepAliveTimeoutMs, maxHeadBytes } = limits;
  const { maxStreamsPerConnection, lingerMs } = config;
  const memoryBytes = SESSION_BASE_BYTES + maxStreamsPerConnection * STREAM_BYTES;
  const shortest = Math.min(headTimeoutMs, keepAliveTimeoutMs, lingerMs);
  return {
    session: {
      settings: {
        maxConcurrentStreams: maxStreamsPerConnection,
        initialWindowSize: config.streamWindowBytes ?? windowFor(ingress, pool),
        maxFrameSize: config.maxFrameBytes,
        // Node resets what is larger. Up to there the answer can say what is wrong.
        maxHeaderListSize: 2 * maxHeadBytes,
      },
      maxSendHeaderBlockLength: MAX_RESPONSE_HEAD_BYTES,
      maxHeaderListPairs: config.maxHeaderFields,
      maxSessionInvalidFrames: config.maxInvalidFrames,
      maxSessionRejectedStreams: config.maxRejectedStreams,
      // In megabytes. Node counts what waits to be sent too, and refuses streams above it.
      maxSessionMemory: Math.ceil(memoryBytes / 1e6),
    },
    connectionWindowBytes: config.connectionWindowBytes,
    maxResets: config.maxResets,
    maxControlFrames: config.maxControlFrames,
    countingWindowMs: config.countingWindowMs,
    headTimeoutMs,
    keepAliveTimeoutMs,
    lingerMs,
    flushMs: Math.max(lingerMs, ingress.limits.clientStallTimeoutMs || Number.POSITIVE_INFINITY),
    sweepEveryMs: Math.max(SHORTEST_SWEEP_MS, Math.min(LONGEST_SWEEP_MS, shortest / 4)),
  };
}

/** A window that all streams of the pool can fill at once within `limits.maxWaitingBytes`. */
function windowFor({ limits, segment }: Ingress, pool: number): number {
  const streams = segment.description.pools[pool]?.streams ?? 1;
  const budget = limits.maxWaitingBytes || Number.POSITIVE_INFINITY;
  const share = Math.floor(budget / streams) - BESIDE_WINDOW_BYTES;
  return Math.max(MIN_WINDOW_BYTES, Math.min(MAX_WINDOW_BYTES, share));
}
