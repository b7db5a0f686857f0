import { isDeepStrictEqual } from 'node:util';
import { UploadResponseError } from '../errors/index.js';
import type { ConnectionAdmission } from './admission.js';
import type { Identity } from './identity.js';
import type { AdmissionLimits } from './limits.js';
import { type Peer, PeerTable } from './peer-table.js';
import { Proxies } from './proxies.js';

const nothing = (): void => {};

/** Counts what peers and subjects have under way, and how often they come. Only what is limited is
 *  counted. */
export class Limiter implements ConnectionAdmission {
  #limits: AdmissionLimits;
  #proxies: Proxies;
  readonly #now: () => number;
  readonly #peers = new PeerTable();
  readonly #subjects = new Map<string, number>();
  #connections = 0;

  /** `proxies`: their own connections count for nobody. `now`: a clock in milliseconds. */
  constructor(
    limits: AdmissionLimits,
    proxies: Proxies = new Proxies([]),
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#proxies = proxies;
    this.#now = now;
  }

  /** Other limits from now on. What is under way counts as far as it was counted; where the limits
   *  have changed, rates begin anew. */
  update(limits: AdmissionLimits, proxies: Proxies): void {
    this.#proxies = proxies;
    if (isDeepStrictEqual(limits, this.#limits)) return;
    this.#limits = limits;
    this.#peers.forgetRates(this.#now());
  }

  /** Some request may be refused here. */
  get limitsRequests(): boolean {
    return this.#countsRequests || this.#limits.maxStreamsPerSubject > 0;
  }

  get #countsConnections(): boolean {
    const { maxConnectionsPerPeer, connectionsPerSecondPerPeer } = this.#limits;
    return maxConnectionsPerPeer + connectionsPerSecondPerPeer > 0;
  }

  get #countsRequests(): boolean {
    const { maxStreamsPerPeer, requestsPerSecondPerPeer } = this.#limits;
    const { authFailuresPerMinutePerPeer } = this.#limits;
    return maxStreamsPerPeer + requestsPerSecondPerPeer + authFailuresPerMinutePerPeer > 0;
  }

  /** Peers of which something is remembered. */
  get peers(): number {
    return this.#peers.size;
  }

  /** Subjects that have streams. */
  get subjects(): number {
    return this.#subjects.size;
  }

  connect(address: string): () => void {
    const { maxConnections, maxConnectionsPerPeer, connectionsPerSecondPerPeer } = this.#limits;
    if (maxConnections > 0 && this.#connections >= maxConnections) {
      throw new UploadResponseError('TOO_MANY_CONNECTIONS', `${maxConnections} are allowed`);
    }
    const counts = this.#countsConnections && !this.#proxies.trusts(address);
    const peer = counts ? this.#peers.of(address, this.#now()) : undefined;
    if (peer && maxConnectionsPerPeer > 0 && peer.connections >= maxConnectionsPerPeer) {
      const detail = `${maxConnectionsPerPeer} of one peer are allowed`;
      throw new UploadResponseError('TOO_MANY_CONNECTIONS', detail);
    }
    const burst = this.#limits.connectionBurstPerPeer;
    if (peer) this.#rate(peer, 'connections', connectionsPerSecondPerPeer, burst);
    this.#connections++;
    if (peer) peer.connections++;
    return once(() => {
      this.#connections--;
      if (!peer) return;
      peer.connections--;
      this.#peers.settle(address, this.#now());
    });
  }

  /**
   * Takes the peer's place for a request; what it returns gives the place back.
   * @throws UploadResponseError TOO_MANY_REQUESTS, TOO_MANY_STREAMS
   */
  enter(address: string, isStream: boolean): () => void {
    if (!this.#countsRequests) return nothing;
    const { maxStreamsPerPeer, requestsPerSecondPerPeer, requestBurstPerPeer } = this.#limits;
    const now = this.#now();
    this.#checkFailures(this.#peers.get(address), now);
    if (requestsPerSecondPerPeer > 0) {
      const peer = this.#peers.of(address, now);
      this.#rate(peer, 'requests', requestsPerSecondPerPeer, requestBurstPerPeer);
    }
    if (!isStream || maxStreamsPerPeer === 0) return nothing;
    const peer = this.#peers.of(address, now);
    if (peer.streams >= maxStreamsPerPeer) {
      const detail = `${maxStreamsPerPeer} of one peer are allowed`;
      throw new UploadResponseError('TOO_MANY_STREAMS', detail);
    }
    peer.streams++;
    return once(() => {
      peer.streams--;
      this.#peers.settle(address, this.#now());
    });
  }

  /** The same for the place of whoever it turned out to be. @throws UploadResponseError
   *  TOO_MANY_STREAMS */
  enterAs({ account, maxStreams }: Identity, isStream: boolean): () => void {
    const most = maxStreams ?? this.#limits.maxStreamsPerSubject;
    if (!isStream || account === undefined || most === 0) return nothing;
    const count = this.#subjects.get(account) ?? 0;
    if (count >= most) {
      throw new UploadResponseError('TOO_MANY_STREAMS', `${most} of one caller are allowed`);
    }
    this.#subjects.set(account, count + 1);
    return once(() => {
      const left = (this.#subjects.get(account) ?? 1) - 1;
      if (left > 0) this.#subjects.set(account, left);
      else this.#subjects.delete(account);
    });
  }

  /** Somebody there showed wrong credentials. */
  failed(address: string): void {
    const { authFailuresPerMinutePerPeer: most } = this.#limits;
    if (most === 0) return;
    const now = this.#now();
    this.#failures(this.#peers.of(address, now), now).take(now);
  }

  #checkFailures(peer: Peer | undefined, now: number): void {
    if (!peer || this.#limits.authFailuresPerMinutePerPeer === 0) return;
    refuseFor(this.#failures(peer, now).wait(now), 'too many wrong credentials');
  }

  #failures(peer: Peer, now: number) {
    const { authFailuresPerMinutePerPeer: most } = this.#limits;
    return peer.bucket('failures', most / 60, most, now);
  }

  #rate(peer: Peer, name: 'requests' | 'connections', perSecond: number, burst: number): void {
    if (perSecond === 0) return;
    const now = this.#now();
    const wait = peer.bucket(name, perSecond, burst, now).take(now);
    refuseFor(wait, `${perSecond} ${name} in a second are allowed`);
  }
}

function refuseFor(waitMs: number, detail: string): void {
  if (waitMs === 0) return;
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  throw new UploadResponseError('TOO_MANY_REQUESTS', detail, { retryAfterSeconds });
}

function once(what: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    what();
  };
}
