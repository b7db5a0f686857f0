import type { Admission, ConnectionAdmission } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { type ReloadStep, reachable } from '../../http/index.js';
import type { Ingress, Logger, NetworkFacts } from '../../ingress/index.js';
import {
  type SrtCaller,
  type SrtCredentials,
  type SrtEngine,
  srtProblem,
  startSrtEngine,
} from '../../ring/srt-engine.js';
import { TransportCounters } from '../counters.js';
import { Drain } from '../drain.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import { addAnswerRoute } from './answer-route.js';
import type { SrtConfig } from './config.js';
import { KeptAnswers } from './kept-answers.js';
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
  readonly log: Logger;
  readonly answers: KeptAnswers;
  #config: SrtConfig;
  readonly #connections: ConnectionAdmission;
  readonly #processes: number;
  readonly #uploads = new Map<number, SrtUpload>();
  readonly #leave = new Map<number, () => void>();
  readonly #packets = new PacketCounts();
  readonly #counters = new TransportCounters();
  readonly #drain = new Drain(
    () => this.#uploads.size === 0,
    () => this.#cut(),
  );
  #engine: SrtEngine | undefined;
  #sampler: NodeJS.Timeout | undefined;

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor(context: TransportContext<SrtConfig>) {
    const { ingress, config, admission, connections, http, log, processes } = context;
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.#config = config;
    this.#connections = connections;
    this.log = log;
    this.#processes = processes;
    this.answers = new KeptAnswers(config.answers);
    if (config.enabled) addAnswerRoute(http, config.answers.path, this.answers, this);
  }

  /** Only while there are uploads. */
  get engine(): SrtEngine {
    return this.#engine as SrtEngine;
  }

  refused(error: UploadResponseError): void {
    this.#counters.refused(error);
  }

  network({ socket }: SrtUpload): NetworkFacts | undefined {
    return this.#packets.network(socket);
  }

  over({ socket, receivedBytes }: SrtUpload): void {
    this.#uploads.delete(socket);
    this.#packets.sample(this.engine, socket, receivedBytes);
    this.#packets.forget(socket);
    this.#leave.get(socket)?.();
    this.#leave.delete(socket);
    this.#drain.left();
  }

  async listen(): Promise<readonly BoundAddress[]> {
    if (!this.#config.enabled) return [];
    const problem = srtProblem(this.#processes);
    if (problem) {
      const { code, message, remedy } = problem;
      this.log.warn({ code, remedy }, `SRT is off: ${message}`);
      return [];
    }
    const engine = startSrtEngine(() => this.#wake());
    this.#engine = engine;
    try {
      const { port, filePort } = this.#config;
      engine.setCredentials(credentialsOf(this.#config));
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

  reload(config: SrtConfig): ReloadStep {
    const commit = () => {
      this.#config = config;
      this.#engine?.setCredentials(credentialsOf(config));
    };
    return { commit };
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#drain.run(signal, () => this.#engine?.refuseNew());
    await this.close();
  }

  async close(): Promise<void> {
    const engine = this.#engine;
    if (!engine) return;
    this.#sample();
    clearInterval(this.#sampler);
    engine.refuseNew();
    await this.#drain.close();
    this.answers.close();
    this.#engine = undefined;
    engine.close();
  }

  stats(): TransportStats {
    return {
      ...this.#counters.stats(this.#uploads.size),
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
    this.log.warn({ limitBytes, wantedBytes, remedy }, 'SRT: the kernel keeps UDP buffers small');
  }

  #wake(): void {
    for (const event of this.#engine?.takeEvents() ?? []) {
      if (event.kind === 'connected') this.#connected(event.socket, event.caller);
      else this.#uploads.get(event.socket)?.take(event);
    }
  }

  #connected(socket: number, caller: SrtCaller): void {
    this.#counters.connected();
    this.#counters.requested();
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
    for (const upload of this.#uploads.values()) {
      this.#packets.sample(engine, upload.socket, upload.receivedBytes);
      upload.media();
    }
    for (const { code, count } of engine.takeRefused()) {
      const error = new UploadResponseError(codeOfReject(code));
      this.#counters.requested(count);
      this.#counters.refused(error, count);
      const facts = { transport: this.name, code: error.code, reject: code, count };
      this.log.info(facts, error.message);
    }
  }
}

function credentialsOf({ passphrase = '', users }: SrtConfig): SrtCredentials {
  const listed = users.map((user) => ({ ...user, passphrase: user.passphrase ?? '' }));
  return { passphrase, users: listed };
}
