import type { Admission } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { type HttpConfig, type HttpFront, type ReloadStep, reachable } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import type { Header } from '../../protocols/hpks/index.js';
import { TransportCounters } from '../counters.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import { BURST_SHARE, ListenerBacklog } from './backlog.js';
import { type CertificateFiles, fingerprintOf, readCertificate } from './certificate.js';
import type { Http3Config } from './config.js';
import { Connections } from './connections.js';
import { Http3Exchange, type Http3Host } from './http3-exchange.js';
import { isEnabled } from './is-enabled.js';
import { LostRequests } from './lost-requests.js';
import {
  H3Code,
  type QuicConnection,
  type QuicEngine,
  type QuicListener,
  type QuicStream,
  type QuicStreamTaker,
  type QuicTaker,
} from './quic-engine.js';
import type { RestLimits } from './rest-of-request.js';

/** Seconds for which a client may remember where HTTP/3 is. */
const ALT_SVC_SECONDS = 3600;

/** HTTP/3, on a UDP port of its own. */
export class Http3Transport implements Transport, Http3Host, QuicTaker {
  readonly name = 'http3';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly prefix: string;
  readonly maxHeadBytes: number;
  readonly requireLength: boolean;
  readonly linger: RestLimits;
  readonly backlog: ListenerBacklog;
  readonly lostRequests: LostRequests;
  readonly #config: Http3Config;
  readonly #front: HttpFront;
  readonly #log: Logger;
  readonly #processes: number;
  readonly #loadEngine: () => QuicEngine;
  readonly #connections: Connections;
  readonly #counters = new TransportCounters();
  #listener: QuicListener | undefined;
  /** What the listener has until it is closed. */
  #certificate: { readonly fingerprint: string; readonly expiresAt: number } | undefined;
  #draining = false;

  /** `loadEngine` is called when it is to listen. @throws UploadResponseError UNKNOWN_POOL */
  constructor(context: TransportContext<Http3Config>, loadEngine: () => QuicEngine) {
    const { ingress, config, admission, connections, http, log, processes } = context;
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.prefix = http.prefix;
    this.maxHeadBytes = http.limits.maxHeadBytes;
    this.requireLength = config.requireLength;
    this.linger = config;
    this.backlog = new ListenerBacklog(
      config,
      () => {
        this.lostRequests.paused();
        this.#listener?.pause();
      },
      () => {
        this.#listener?.resume();
        this.lostRequests.resumed();
      },
    );
    this.lostRequests = new LostRequests(config.idleTimeoutMs);
    this.#config = config;
    this.#front = http;
    this.#log = log;
    this.#processes = processes;
    this.#loadEngine = loadEngine;
    this.#connections = new Connections(connections, http.limits);
  }

  get draining(): boolean {
    return this.#draining;
  }

  refused(error: UploadResponseError): void {
    this.#counters.refused(error);
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const engine = this.#engine();
    if (!engine) return [];
    const { port, idleTimeoutMs, maxConnections, maxStreamsPerConnection } = this.#config;
    const tls = this.#front.tls;
    const host = this.#config.host ?? tls?.host ?? this.#front.host;
    const { expiresAt, ...certificate } = readCertificate(this.#config.tls ?? tls);
    const burstBytes = this.#config.budgetBytes * BURST_SHARE;
    const maxUnreadBytes = this.#config.engineBudgetBytes;
    const stallTimeoutMs = this.ingress.limits.clientStallTimeoutMs;
    const limits = { idleTimeoutMs, maxConnections, maxStreamsPerConnection, burstBytes };
    this.#listener = await engine.listen(
      { host, port, ...limits, maxUnreadBytes, stallTimeoutMs, ...certificate },
      this,
    );
    this.#certificate = { fingerprint: fingerprintOf(certificate), expiresAt };
    return [this.#announce(this.#listener)];
  }

  /** The engine cannot exchange certificates. */
  reload(config: Http3Config, { tls }: HttpConfig): ReloadStep {
    const stale = this.#certificate !== undefined && !this.#hasStill(config.tls ?? tls);
    return { commit: () => {}, needRestart: stale ? ['transports.http3.tls'] : [] };
  }

  connection(connection: QuicConnection): void {
    try {
      if (this.#draining) throw new UploadResponseError('SHUTTING_DOWN');
      this.#connections.enter(connection);
      this.#counters.connected();
    } catch (error) {
      this.refused(fromNative(error));
      connection.close(H3Code.requestRejected);
    }
  }

  closed(connection: QuicConnection): void {
    this.#connections.leave(connection);
  }

  request(stream: QuicStream, fields: readonly Header[]): QuicStreamTaker | undefined {
    if (!this.#connections.has(stream.connection)) return undefined;
    this.#counters.requested();
    const exchange = new Http3Exchange(this, stream);
    exchange.start(fields);
    return exchange;
  }

  idle(connection: QuicConnection): void {
    if (this.#draining) connection.finish();
    else this.#connections.idle(connection);
  }

  failed(err: Error): void {
    this.#log.error({ err, transport: this.name }, 'the HTTP/3 engine has failed');
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    if (!this.#listener) return;
    this.#front.altSvc = 'clear';
    this.#connections.endAllIdle();
    await this.#connections.empty(signal);
    await this.close();
  }

  async close(): Promise<void> {
    this.#draining = true;
    this.#front.altSvc = undefined;
    await this.#listener?.close();
  }

  stats(): TransportStats {
    const certificateExpiresAt = this.#certificate?.expiresAt;
    return { ...this.#counters.stats(this.#connections.size), certificateExpiresAt };
  }

  /** Undefined where HTTP/3 is off: by the configuration, or because it cannot be. */
  #engine(): QuicEngine | undefined {
    if (!isEnabled(this.#config)) return undefined;
    const problem = http3Problem(this.#processes, this.#loadEngine);
    if (!problem) return this.#loadEngine();
    const { code, message, remedy } = problem;
    this.#log.warn({ code, remedy }, `HTTP/3 is off: ${message}`);
    return undefined;
  }

  #hasStill(files: CertificateFiles | undefined): boolean {
    try {
      return fingerprintOf(readCertificate(files)) === this.#certificate?.fingerprint;
    } catch {
      // They may be gone because others were named, for the next start.
      return false;
    }
  }

  #announce({ host, port }: QuicListener): BoundAddress {
    this.#front.altSvc = `h3=":${port}"; ma=${ALT_SVC_SECONDS}`;
    const url = `https://${reachable({ host, port })}${this.prefix}`;
    return { transport: this.name, scheme: 'https', host, port, url };
  }
}

/** What keeps HTTP/3 from being served by so many server processes on this machine. */
export function http3Problem(
  processes: number,
  loadEngine: () => QuicEngine,
): UploadResponseError | undefined {
  try {
    checkProcesses(processes);
    loadEngine();
    return undefined;
  } catch (error) {
    return fromNative(error);
  }
}

/** The engine shares its port in its own way: a connection would not stay in its process. */
function checkProcesses(processes: number): void {
  if (processes === 1) return;
  throw new UploadResponseError('QUIC_UNAVAILABLE', 'server.processes is more than 1');
}
