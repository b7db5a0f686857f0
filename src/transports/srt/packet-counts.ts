import type { NetworkFacts } from '../../ingress/index.js';
import type { SrtEngine } from '../../ring/srt-engine.js';
import type { PacketStats } from '../transport.js';

type Counts = NonNullable<ReturnType<SrtEngine['counts']>>;

interface Sample {
  readonly counts: Counts;
  readonly at: number;
  readonly bytes: number;
  readonly bitsPerSecond: number;
}

const KEYS = ['received', 'lost', 'dropped', 'undecrypted', 'retransmitted'] as const;
const NONE = { received: 0, lost: 0, dropped: 0, undecrypted: 0, retransmitted: 0 };

/** Packets of all connections. libsrt forgets a connection's counts when it breaks, so they are sampled. */
export class PacketCounts {
  readonly #totals = { ...NONE };
  readonly #seen = new Map<number, Sample>();

  /** `bytes`: of the connection's body, so far. */
  sample(engine: SrtEngine, socket: number, bytes: number): void {
    const counts = engine.counts(socket);
    if (!counts) return;
    const before = this.#seen.get(socket);
    const last = before?.counts ?? NONE;
    for (const key of KEYS) this.#totals[key] += Math.max(0, counts[key] - last[key]);
    const at = performance.now();
    const seconds = before ? (at - before.at) / 1000 : 0;
    const bitsPerSecond =
      before && seconds > 0 ? Math.round(((bytes - before.bytes) * 8) / seconds) : 0;
    this.#seen.set(socket, { counts, at, bytes, bitsPerSecond });
  }

  forget(socket: number): void {
    this.#seen.delete(socket);
  }

  /** What the newest sample of a connection says; undefined before the first. */
  network(socket: number): NetworkFacts | undefined {
    const sample = this.#seen.get(socket);
    if (!sample) return undefined;
    const { counts, bitsPerSecond } = sample;
    return {
      rttMs: counts.rttMs,
      bitsPerSecond,
      receivedPackets: counts.received,
      lostPackets: counts.lost,
      retransmittedPackets: counts.retransmitted,
      droppedPackets: counts.dropped,
      undecryptedPackets: counts.undecrypted,
    };
  }

  stats(): PacketStats {
    const { received, lost, dropped, undecrypted, retransmitted } = this.#totals;
    const rtts = [...this.#seen.values()].map(({ counts }) => counts.rttMs);
    return {
      receivedTotal: received,
      lostTotal: lost,
      droppedTotal: dropped,
      undecryptedTotal: undecrypted,
      retransmittedTotal: retransmitted,
      greatestRttMs: rtts.length > 0 ? Math.max(...rtts) : undefined,
    };
  }
}
