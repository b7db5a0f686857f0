import type { SrtEngine } from '../../ring/srt-engine.js';
import type { PacketStats } from '../transport.js';

type Counts = NonNullable<ReturnType<SrtEngine['counts']>>;

const KEYS = ['received', 'lost', 'dropped', 'undecrypted'] as const;
const NONE = { received: 0, lost: 0, dropped: 0, undecrypted: 0 };

/** Packets of all connections. libsrt forgets a connection's counts when it breaks, so they are sampled. */
export class PacketCounts {
  readonly #totals = { ...NONE };
  readonly #seen = new Map<number, Pick<Counts, (typeof KEYS)[number]>>();

  sample(engine: SrtEngine, socket: number): void {
    const now = engine.counts(socket);
    if (!now) return;
    const before = this.#seen.get(socket) ?? NONE;
    for (const key of KEYS) this.#totals[key] += Math.max(0, now[key] - before[key]);
    this.#seen.set(socket, now);
  }

  forget(socket: number): void {
    this.#seen.delete(socket);
  }

  stats(): PacketStats {
    const { received, lost, dropped, undecrypted } = this.#totals;
    return {
      receivedTotal: received,
      lostTotal: lost,
      droppedTotal: dropped,
      undecryptedTotal: undecrypted,
    };
  }
}
