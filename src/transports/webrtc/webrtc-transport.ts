import type { Admission } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import { type HttpFront, reachable } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { Offer } from '../../protocols/sdp/index.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { WebRtcConfig } from './config.js';
import { type RtcEngine, useEngine, webRtcProblem } from './engine.js';
import { PeerSession, type SessionRequest } from './peer-session.js';
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
  readonly config: WebRtcConfig;
  readonly log: Logger;
  readonly #front: HttpFront;
  readonly #sessions = new Map<string, PeerSession>();
  readonly #refused: Record<string, number> = {};
  readonly #used: { readonly engine: RtcEngine; readonly leave: () => void } | undefined;
  #sessionsTotal = 0;
  #requestsTotal = 0;
  #draining = false;
  #onEmpty: (() => void)[] = [];

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor(context: TransportContext<WebRtcConfig>) {
    const { ingress, config, admission, http, log, processes } = context;
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.maxHeadBytes = http.limits.maxHeadBytes;
    this.config = config;
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
    return this.#draining;
  }

  refused({ code }: UploadResponseError): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  requested(): void {
    this.#requestsTotal++;
  }

  reserve(): void {
    if (this.#sessions.size < this.config.maxSessions) return;
    throw new UploadResponseError('TOO_MANY_SESSIONS');
  }

  open(offer: Offer, request: SessionRequest): PeerSession {
    if (!this.#used) throw new UploadResponseError('WEBRTC_UNAVAILABLE');
    const session = new PeerSession(this, this.#used.engine, offer, request);
    this.#sessions.set(session.id, session);
    this.#sessionsTotal++;
    return session;
  }

  find(id: string): PeerSession | undefined {
    return this.#sessions.get(id);
  }

  ended(session: PeerSession): void {
    this.#sessions.delete(session.id);
    if (this.#sessions.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
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

  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    for (const session of this.#all()) if (session.idle) session.end('SHUTTING_DOWN');
    const cut = () => this.#cut();
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    if (this.#sessions.size > 0) await new Promise<void>((done) => this.#onEmpty.push(done));
    signal.removeEventListener('abort', cut);
  }

  async close(): Promise<void> {
    this.#draining = true;
    this.#cut();
    try {
      this.#used?.leave();
    } catch (err) {
      this.log.error({ err }, 'the WebRTC engine did not end');
    }
  }

  stats(): TransportStats {
    return {
      connections: this.#sessions.size,
      connectionsTotal: this.#sessionsTotal,
      requestsTotal: this.#requestsTotal,
      refusedTotal: { ...this.#refused },
    };
  }

  #all(): PeerSession[] {
    return [...this.#sessions.values()];
  }

  #cut(): void {
    for (const session of this.#all()) session.end('SHUTTING_DOWN');
  }
}
