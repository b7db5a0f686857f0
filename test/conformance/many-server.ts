/**
 * The server of `many.test.ts` in a process of its own, so that its memory is its own. It begins with
 * its addresses, and answers each message with what it holds at that moment. `argv[2]`: the configuration
 * of its transports, as JSON.
 */
import { readFileSync } from 'node:fs';
import { type BoundAddress, DEFAULT_LIMITS } from '../../src/index.js';
import { TestServer } from '../support/test-server.js';

/** What the server reports at its start. */
export interface ManyStart {
  readonly addresses: readonly BoundAddress[];
}

/** What it holds. */
export interface ManyState {
  /** Streams that are open, closing or set aside. */
  readonly streams: number;
  /** The most memory that the process has had, and what its configuration allows. */
  readonly peakBytes: number;
  readonly allowedBytes: number;
}

/** Node.js, the program, what a thousand sockets and their TLS states take, and what the garbage collector
 *  has not come to yet on a busy machine. The uploads together are 1000 MiB. */
const PROCESS_BYTES = 640 * 2 ** 20;

const server = await TestServer.start({
  segment: {
    pools: [
      {
        ...{ name: 'uploads', streams: 1024, slotSize: 16_384 },
        ...{ requestSlots: 6, responseSlots: 2 },
      },
    ],
  },
  // Two workers have a thousand streams: on a busy machine one of these may wait for long.
  limits: {
    noWorkerTimeoutMs: 60_000,
    responseTimeoutMs: 60_000,
    minRateGraceMs: 120_000,
    evictAfterMs: 120_000,
    clientStallTimeoutMs: 240_000,
  },
  transports: JSON.parse(process.argv[2] ?? '{}'),
  workers: 2,
});
const { segment, ingress } = server.server;
const segmentBytes = segment.description.totalBytes;

function state(): ManyState {
  const { active, lingering, setAside } = ingress.stats();
  const status = readFileSync('/proc/self/status', 'utf8');
  const peakKiB = Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]);
  return {
    streams: Math.max(active + lingering + setAside, segment.native.streams().length),
    peakBytes: peakKiB * 1024,
    allowedBytes: segmentBytes + DEFAULT_LIMITS.maxWaitingBytes + PROCESS_BYTES,
  };
}

process.on('message', () => process.send?.(state()));
process.on('disconnect', () => void server.stop().then(() => process.exit(0)));
const start: ManyStart = { addresses: server.server.addresses };
process.send?.(start);
