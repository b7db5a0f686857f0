import type { Admission } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import { type HttpFront, type ReloadStep, reachable } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { TrackStats } from '../../protocols/rtp/index.js';
import type { Offer } from '../../protocols/sdp/index.js';
import { TransportCounters } from '../counters.js';
import { Drain } from '../drain.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { WebRtcConfig } from './config.js';
import { type RtcEngine, useEngine, webRtcProblem } from './engine.js';
import { MediaPackets } from './media-packets.js';
import { type MediaOrigin, MediaUpload } from './media-upload.js';
import { PeerSession, type SessionRequest } from './peer-session.js';
import { Publications } from './publications.js';
import { expectFreePort } from './udp-port.js';
import { WhipEndpoint, type WhipHost } from './whip.js';
import { addWhipRoutes } from './whip-routes.js';

/** WebRTC: WHIP on the listeners of HTTP, and what comes over UDP. */
export class WebRtcTransport implements Transport, WhipHost {
  readonly name = 'webrtc';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly maxHeadBytes: number;
  config: WebRtcConfig;
  readonly log: Logger;
  readonly #front: HttpFront;
  readonly #sessions = new Map<string, PeerSession>();
  readonly #publications: Publications;
  readonly #packets = new MediaPackets();
  readonly #counters = new TransportCounters();
  readonly #drain = new Drain(
    () => this.#sessions.size === 0,
    () => this.#end(() => true),
  );
  readonly #used: { readonly engine: RtcEngine; readonly leave: () => void } | undefined;

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor(context: TransportContext<WebRtcConfig>) {
    const { ingress, config, admission, http, log, processes } = context;
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.maxHeadBytes = http.limits.maxHeadBytes;
    this.config = config;
    this.#publications = new Publications(config.graceMs);
    this.log = log;
    this.#front = http;
    if (!config.enabled) return;
    const problem = webRtcProblem(processes);
    if (problem) {
      const { code, message, remedy } = problem;
      log.warn({ code, remedy }, `WebRTC is off: ${message}`);
      return;
    }
    this.#used = useEngine();
    const endpoint = new WhipEndpoint(this);
    addWhipRoutes(http, config, log, (request) =>
      endpoint.handle(request).catch((error) => {
        if (error instanceof UploadResponseError) this.refused(error);
        throw error;
      }),
    );
  }

  get draining(): boolean {
    return this.#drain.begun;
  }

  refused(error: UploadResponseError): void {
    this.#counters.refused(error);
  }

  requested(): void {
    this.#counters.requested();
  }

  reserve(): void {
    if (this.#connections < this.config.maxSessions) return;
    throw new UploadResponseError('TOO_MANY_SESSIONS');
  }

  open(offer: Offer, request: SessionRequest): PeerSession {
    if (!this.#used) throw new UploadResponseError('WEBRTC_UNAVAILABLE');
    const media = offer.tracks.length === 0 ? undefined : this.#mediaOf(offer, request);
    const session = new PeerSession(this, this.#used.engine, offer, request, media);
    this.#sessions.set(session.id, session);
    this.#counters.connected();
    return session;
  }

  find(id: string): PeerSession | undefined {
    const session = this.#sessions.get(id);
    return session?.over ? undefined : session;
  }

  publishes(media: MediaUpload): void {
    this.#publications.publishes(media);
  }

  keep(media: MediaUpload): boolean {
    return !this.draining && this.#publications.keep(media);
  }

  published(media: MediaUpload): void {
    this.#publications.published(media);
  }

  counted(tracks: readonly TrackStats[]): void {
    this.#packets.add(tracks);
  }

  ended(session: PeerSession): void {
    this.#sessions.delete(session.id);
    this.#drain.left();
  }

  async listen(): Promise<readonly BoundAddress[]> {
    if (!this.#used) return [];
    const { udpPort, udpAddress, path } = this.config;
    if (udpPort > 0) await expectFreePort(udpPort, udpAddress);
    return this.#front.endpoints
      .filter(({ kind }) => kind !== 'h2c')
      .map((endpoint) => {
        const scheme = endpoint.kind === 'tls' ? 'https' : 'http';
        const { host, port } = endpoint;
        const url = `${scheme}://${reachable(endpoint)}${path}`;
        return { transport: this.name, scheme, host, port, url };
      });
  }

  reload(config: WebRtcConfig): ReloadStep {
    const commit = () => {
      this.config = config;
    };
    return { commit };
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#drain.run(signal, () => {
      this.#publications.expireAll();
      this.#end((session) => session.idle);
    });
  }

  async close(): Promise<void> {
    await this.#drain.close();
    try {
      this.#used?.leave();
    } catch (err) {
      this.log.error({ err }, 'the WebRTC engine did not end');
    }
  }

  stats(): TransportStats {
    const running = [...this.#sessions.values()].map((session) => session.mediaStats());
    const packets = this.#packets.stats(running.flat());
    return { ...this.#counters.stats(this.#connections), packets };
  }

  get #connections(): number {
    return this.#sessions.size - this.#publications.waiting;
  }

  #mediaOf({ tracks }: Offer, request: SessionRequest): MediaUpload {
    const { room, peer, named, head, caller, permit } = request;
    // Whoever is behind a proxy has the proxy's address.
    const address = [caller.peer, caller.forwardedFor ?? ''].join(' ');
    const origin: MediaOrigin = {
      identity: { subject: permit.subject, peer: address },
      place: named ? `${room}/${peer}` : undefined,
      head,
    };
    return this.#publications.claim(origin, tracks) ?? new MediaUpload(this, origin, tracks);
  }

  #end(which: (session: PeerSession) => boolean): void {
    for (const session of [...this.#sessions.values()]) {
      if (which(session)) session.end('SHUTTING_DOWN');
    }
  }
}
