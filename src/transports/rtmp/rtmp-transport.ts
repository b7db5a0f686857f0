import type { Socket } from 'node:net';
import type { Admission } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import type { ReloadStep } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { RtmpReceiver } from '../../ring/index.js';
import { TransportCounters } from '../counters.js';
import { Drain } from '../drain.js';
import { GracePeriod, isSame } from '../grace.js';
import { OwnListeners } from '../own-listeners.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import { AdobeAuth } from './adobe-auth.js';
import type { RtmpConfig } from './config.js';
import { EngineSockets } from './engine-sockets.js';
import type { Publication } from './publication.js';
import { type ConnectionHost, RtmpConnection } from './rtmp-connection.js';
import { SocketWire, type Wire } from './wire.js';

/** How often connections are looked at in the time in which they may be silent. */
const BEATS = 4;
/** How often media are looked at. */
const SAMPLE_MS = 1000;

/** RTMP and RTMPS, on TCP ports of their own. */
export class RtmpTransport implements Transport, ConnectionHost {
  readonly name = 'rtmp';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly maxMessageBytes: number;
  readonly publishTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly multitrack: boolean;
  #config: RtmpConfig;
  readonly #auth: AdobeAuth;
  readonly #log: Logger;
  readonly #listeners: OwnListeners;
  readonly #connections = new Set<RtmpConnection>();
  readonly #publications = new Set<Publication>();
  /** Who publishes a key, by app and key. */
  readonly #keys = new Map<string, Publication>();
  readonly #grace: GracePeriod<Publication>;
  readonly #counters = new TransportCounters();
  readonly #drain = new Drain(
    () => this.#connections.size + this.#publications.size === 0,
    () => this.#cut(),
  );
  readonly #engineSockets = new EngineSockets();
  #heart: NodeJS.Timeout | undefined;
  #sampler: NodeJS.Timeout | undefined;

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor(context: TransportContext<RtmpConfig>) {
    const { ingress, config, admission, connections, log } = context;
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.maxMessageBytes = config.maxMessageBytes;
    this.publishTimeoutMs = config.publishTimeoutMs;
    this.idleTimeoutMs = config.idleTimeoutMs;
    this.multitrack = config.multitrack;
    this.#auth = new AdobeAuth(config.users);
    this.#config = config;
    this.#grace = new GracePeriod(config.graceMs, (publication) => publication.expired());
    this.#log = log;
    this.#listeners = new OwnListeners({
      transport: this.name,
      schemes: { plain: 'rtmp', tls: 'rtmps' },
      plain: { pauseOnConnect: true },
      secure: {},
      handshakeTimeoutMs: config.publishTimeoutMs,
      connections,
      take: (socket) => this.#accept(socket),
      refused: (error) => this.refused(error),
    });
  }

  /** Undefined where nobody is asked for a user. */
  get users(): AdobeAuth | undefined {
    return this.#config.users.length === 0 ? undefined : this.#auth;
  }

  get draining(): boolean {
    return this.#drain.begun;
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const { enabled, plain, idleTimeoutMs } = this.#config;
    if (!enabled) return [];
    let bound: readonly BoundAddress[];
    try {
      if (plain) this.#engineSockets.start();
      bound = await this.#listeners.listen(this.#config);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#heart = setInterval(() => {
      const now = performance.now();
      for (const connection of [...this.#connections]) connection.beat(now);
    }, idleTimeoutMs / BEATS);
    this.#heart.unref();
    this.#sampler = setInterval(() => {
      for (const publication of this.#publications) publication.sample();
    }, SAMPLE_MS);
    this.#sampler.unref();
    return bound;
  }

  reload(config: RtmpConfig): ReloadStep {
    const { commit, ...step } = this.#listeners.reload(config);
    return {
      ...step,
      commit: () => {
        commit();
        this.#auth.replace(config.users);
        this.#config = config;
      },
    };
  }

  wireOf(socket: Socket, receiver: RtmpReceiver, serve: () => void): Wire {
    return 'encrypted' in socket
      ? new SocketWire(socket, receiver, serve)
      : this.#engineSockets.take(socket, receiver, serve);
  }

  claimKey(publication: Publication): Publication | undefined {
    const key = keyOf(publication);
    const before = this.#keys.get(key);
    const waits = before !== undefined && this.#grace.has(before);
    const mayTake = waits || this.#config.secondPublisher === 'takeover';
    if (before && mayTake && this.#continues(publication, before)) {
      this.#grace.end(before);
      this.#log.info({ transport: this.name }, 'a publisher has come back');
      return before;
    }
    if (before && this.#config.secondPublisher === 'refuse') {
      throw new UploadResponseError('STREAM_KEY_BUSY');
    }
    this.#keys.set(key, publication);
    before?.takenOver();
    return undefined;
  }

  keep(publication: Publication): boolean {
    return !this.draining && this.#grace.wait(publication);
  }

  opened(publication: Publication): void {
    this.#counters.requested();
    this.#publications.add(publication);
  }

  over(publication: Publication): void {
    this.#grace.end(publication);
    this.#publications.delete(publication);
    this.#freeKey(publication);
    this.#drain.left();
  }

  /** A publisher that has said its last word makes room for the next one, whatever its worker does. */
  unpublished(publication: Publication): void {
    this.#freeKey(publication);
  }

  refused(error: UploadResponseError): void {
    this.#counters.refused(error);
    this.#log.debug({ transport: this.name, code: error.code }, error.message);
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#drain.run(signal, () => {
      this.#listeners.stop();
      for (const { session } of [...this.#connections]) session.drain();
      this.#grace.expireAll();
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#heart);
    clearInterval(this.#sampler);
    this.#listeners.stop();
    await this.#drain.close();
    this.#engineSockets.close();
  }

  stats(): TransportStats {
    const { certificateExpiresAt } = this.#listeners;
    return { ...this.#counters.stats(this.#connections.size), certificateExpiresAt };
  }

  #accept(socket: Socket): void {
    this.#counters.connected();
    const connection = new RtmpConnection(this, socket);
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      this.#drain.left();
    });
  }

  #continues({ identity }: Publication, before: Publication): boolean {
    if (!this.#grace.isOn || !before.canGoOn || !identity || !before.identity) return false;
    return isSame(identity, before.identity);
  }

  #freeKey(publication: Publication): void {
    const key = keyOf(publication);
    if (this.#keys.get(key) === publication) this.#keys.delete(key);
  }

  #cut(): void {
    for (const publication of [...this.#publications]) publication.cut();
    for (const { socket } of [...this.#connections]) socket.destroy();
  }
}

function keyOf({ target: { app, key } }: Publication): string {
  return JSON.stringify([app, key]);
}
