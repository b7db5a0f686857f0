import type { Admission, ConnectionAdmission } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { reachable } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import {
  type SrtCaller,
  type SrtEngine,
  srtProblem,
  startSrtEngine,
} from '../../ring/srt-engine.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import type { SrtConfig } from './config.js';
import { PacketCounts } from './packet-counts.js';
import { codeOfReject } from './refusals.js';
import { type SrtHost, SrtUpload } from './srt-upload.js';
import { udpBufferLimit } from './udp-limit.js';

const SAMPLE_MS = 1000;

/** SRT, on UDP ports of its own. */
export class SrtTransport implements Transport, SrtHost {
  readonly name = 'srt';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly #config: SrtConfig;
  readonly #connections: ConnectionAdmission;
  readonly #log: Logger;
  readonly #processes: number;
  readonly #uploads = new Map<number, SrtUpload>();
  readonly #leave = new Map<number, () => void>();
  readonly #packets = new PacketCounts();
  readonly #refused: Record<string, number> = {};
  #engine: SrtEngine | undefined;
  #sampler: NodeJS.Timeout | undefined;
  #connectionsTotal = 0;
  #requestsTotal = 0;
  #onEmpty: (() => void)[] = [];

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor(context: TransportContext<SrtConfig>) {
    const { ingress, config, admission, connections, log, processes } = context;
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.#config = config;
    this.#connections = connections;
    this.#log = log;
    this.#processes = processes;
  }

  /** Only while there are uploads. */
  get engine(): SrtEngine {
    return this.#engine as SrtEngine;
  }

  refused({ code }: UploadResponseError): void {
    this.#count(code, 1);
  }

  over({ socket }: SrtUpload): void {
    this.#uploads.delete(socket);
    this.#packets.sample(this.engine, socket);
    this.#packets.forget(socket);
    this.#leave.get(socket)?.();
    this.#leave.delete(socket);
    if (this.#uploads.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  async listen(): Promise<readonly BoundAddress[]> {
    if (!this.#config.enabled) return [];
    const problem = srtProblem(this.#processes);
    if (problem) {
      const { code, message, remedy } = problem;
      this.#log.warn({ code, remedy }, `SRT is off: ${message}`);
      return [];
    }
    const engine = startSrtEngine(() => this.#wake());
    this.#engine = engine;
    try {
      const { passphrase = '', users, port, filePort } = this.#config;
      const listed = users.map((user) => ({ ...user, passphrase: user.passphrase ?? '' }));
      engine.setCredentials({ passphrase, users: listed });
      const bound = [this.#bind(engine, port, false)];
      if (filePort !== undefined) bound.push(this.#bind(engine, filePort, true));
      this.#warnOfSmallBuffers();
      this.#sampler = setInterval(() => this.#sample(), SAMPLE_MS);
      this.#sampler.unref();
      return bound;
    } catch (error) {
      await this.close();
      throw fromNative(error);
    }
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#engine?.refuseNew();
    const cut = () => this.#cut();
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    if (this.#uploads.size > 0) {
      await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    }
    signal.removeEventListener('abort', cut);
    await this.close();
  }

  async close(): Promise<void> {
    const engine = this.#engine;
    if (!engine) return;
    this.#sample();
    clearInterval(this.#sampler);
    engine.refuseNew();
    this.#cut();
    this.#engine = undefined;
    engine.close();
  }

  stats(): TransportStats {
    return {
      connections: this.#uploads.size,
      connectionsTotal: this.#connectionsTotal,
      requestsTotal: this.#requestsTotal,
      refusedTotal: { ...this.#refused },
      packets: this.#packets.stats(),
    };
  }

  #bind(engine: SrtEngine, wanted: number, file: boolean): BoundAddress {
    const { host, latencyMs, highThroughput, receiveBufferBytes, udpBufferBytes } = this.#config;
    const { idleTimeoutMs, maxConnections } = this.#config;
    const buffers = { receiveBufferBytes, udpBufferBytes };
    const modes = { file, latencyMs, highThroughput, ...buffers };
    const port = engine.listen({ host, port: wanted, ...modes, idleTimeoutMs, maxConnections });
    const url = `srt://${reachable({ host, port })}`;
    return { transport: this.name, scheme: 'srt', host, port, url };
  }

  #warnOfSmallBuffers(): void {
    const limitBytes = udpBufferLimit();
    const { udpBufferBytes: wantedBytes } = this.#config;
    if (limitBytes === undefined || limitBytes >= wantedBytes) return;
    const remedy = `sysctl -w net.core.rmem_max=${wantedBytes}`;
    this.#log.warn({ limitBytes, wantedBytes, remedy }, 'SRT: the kernel keeps UDP buffers small');
  }

  #wake(): void {
    for (const { socket, caller } of this.#engine?.takeEvents() ?? []) {
      if (caller) this.#connected(socket, caller);
      else this.#uploads.get(socket)?.ready();
    }
  }

  #connected(socket: number, caller: SrtCaller): void {
    this.#connectionsTotal++;
    this.#requestsTotal++;
    try {
      this.#leave.set(socket, this.#connections.connect(caller.peer));
    } catch (error) {
      this.refused(fromNative(error));
      this.#engine?.closeSocket(socket);
      return;
    }
    const upload = new SrtUpload(this, socket, caller);
    this.#uploads.set(socket, upload);
    upload.start(this.#config.firstBytesTimeoutMs);
  }

  #cut(): void {
    for (const upload of [...this.#uploads.values()]) upload.cut();
  }

  #sample(): void {
    const engine = this.#engine;
    if (!engine) return;
    for (const socket of this.#uploads.keys()) this.#packets.sample(engine, socket);
    for (const { code, count } of engine.takeRefused()) {
      this.#requestsTotal += count;
      const { code: name, message } = new UploadResponseError(codeOfReject(code));
      this.#count(name, count);
      this.#log.info({ transport: this.name, code: name, reject: code, count }, message);
    }
  }

  #count(code: string, count: number): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + count;
  }
}
