import { peerKey, TokenBucket } from './peers.js';

/** What one peer has under way, and what it may still do in this moment. */
export class Peer {
  streams = 0;
  connections = 0;
  #buckets: Partial<Record<string, TokenBucket>> = {};

  /** One of its buckets; made at the first use. */
  bucket(name: string, perSecond: number, burst: number, now: number): TokenBucket {
    this.#buckets[name] ??= new TokenBucket(perSecond, Math.max(1, burst), now);
    return this.#buckets[name];
  }

  forgetRates(): void {
    this.#buckets = {};
  }

  /** Nothing would be lost by forgetting it. */
  idle(now: number): boolean {
    if (this.busy) return false;
    return Object.values(this.#buckets).every((bucket) => bucket === undefined || bucket.full(now));
  }

  get busy(): boolean {
    return this.streams + this.connections > 0;
  }
}

const FIRST_SWEEP = 1024;
/** A megabyte or ten; a flood from more networks than this makes rates forgetful, not memory large. */
const MAX_PEERS = 65_536;
/** How far is looked for an entry that can make room. */
const MAX_LOOK = 256;

/** The peers of which something has to be remembered. */
export class PeerTable {
  readonly #peers = new Map<string, Peer>();
  #sweepAt = FIRST_SWEEP;

  get size(): number {
    return this.#peers.size;
  }

  /** The peer at this address, if something is known of it. */
  get(address: string): Peer | undefined {
    return this.#peers.size === 0 ? undefined : this.#peers.get(peerKey(address));
  }

  /** The peer at this address; a new one if nothing is known of it. */
  of(address: string, now: number): Peer {
    const key = peerKey(address);
    let peer = this.#peers.get(key);
    if (!peer) {
      if (this.#peers.size >= this.#sweepAt) this.#sweep(now);
      if (this.#peers.size >= MAX_PEERS) this.#dropOldest();
      peer = new Peer();
      this.#peers.set(key, peer);
    }
    return peer;
  }

  /** Forgets the peer if nothing of it is left to be remembered. */
  settle(address: string, now: number): void {
    const key = peerKey(address);
    if (this.#peers.get(key)?.idle(now)) this.#peers.delete(key);
  }

  /** Rates begin anew, for everybody. */
  forgetRates(now: number): void {
    for (const peer of this.#peers.values()) peer.forgetRates();
    this.#sweep(now);
  }

  #sweep(now: number): void {
    for (const [key, peer] of this.#peers) if (peer.idle(now)) this.#peers.delete(key);
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#peers.size);
  }

  #dropOldest(): void {
    let looked = 0;
    for (const [key, peer] of this.#peers) {
      if (!peer.busy) {
        this.#peers.delete(key);
        return;
      }
      if (++looked >= MAX_LOOK) return;
    }
  }
}
