import { setTimeout as delay } from 'node:timers/promises';
import { isAuthConfigured } from '../admission/index.js';
import type { Config } from '../config/schema.js';
import { ControlApi } from '../control/index.js';
import { fromNative, UploadResponseError } from '../errors/index.js';
import type { Ingress } from '../ingress/index.js';
import type { ProcessSnapshot, ServerStats } from '../metrics/index.js';
import type { Segment } from '../ring/index.js';
import type { UploadResponseServer } from '../server.js';
import type { BoundAddress } from '../transports/transport.js';
import { type AdminAddress, AdminListener } from './admin-listener.js';
import { FactsSocket } from './facts-socket.js';
import { listening } from './listening.js';
import { type CollectMetrics, Operations } from './operations.js';
import { addOperationsRoutes } from './operations-routes.js';
import { ProcessFacts } from './process-facts.js';
import { type ReloadSource, withPlaces } from './reload-plan.js';
import { type ChangeableParts, type ReloadReport, takeOver } from './take-over.js';
import { validConfig } from './valid-config.js';

/** What `createServer` has made. */
export interface ServerParts extends ChangeableParts {
  readonly name: string;
  readonly socket: string;
  readonly segment: Segment;
}

export class RunningServer implements UploadResponseServer {
  addresses: readonly BoundAddress[] = [];
  admin: AdminAddress | undefined;
  readonly #parts: ServerParts;
  readonly #facts: ProcessFacts;
  readonly #operations: Operations;
  readonly #adminListener: AdminListener | undefined;
  readonly #control: ControlApi | undefined;
  readonly #factsSocket: FactsSocket;
  #config: Config;
  #listening = false;
  #draining = false;
  #reloads = { doneTotal: 0, refusedTotal: 0 };
  #closed: Promise<void> | undefined;

  constructor(config: Config, parts: ServerParts, collect: CollectMetrics | undefined) {
    this.#config = config;
    this.#parts = parts;
    this.#operations = this.#createOperations(collect);
    const { port, onHttp } = config.admin;
    if (onHttp) addOperationsRoutes(parts.http.app, this.#operations);
    if (port !== undefined) {
      this.#adminListener = new AdminListener({ ...config.admin, port }, this.#operations);
    }
    if (config.control.enabled) this.#control = this.#createControl(config);
    this.#facts = new ProcessFacts(parts.name);
    const { socket, segment, ingress, logs } = parts;
    this.#factsSocket = new FactsSocket(socket, segment, () => ingress.facts(), logs.log);
  }

  get segment(): Segment {
    return this.#parts.segment;
  }

  get ingress(): Ingress {
    return this.#parts.ingress;
  }

  get socket(): string {
    return this.#parts.socket;
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const bound: BoundAddress[] = [];
    try {
      await listening('http', this.#parts.http.listen());
      for (const [name, transport] of this.#parts.transports) {
        bound.push(...(await listening(`transports.${name}`, transport.listen())));
      }
      this.admin = await listening('admin', this.#adminListener?.listen());
      await this.#factsSocket.listen();
    } catch (error) {
      await this.#closeTransports();
      throw error;
    }
    this.addresses = bound;
    this.#listening = true;
    return bound;
  }

  async reload(read: () => ReloadSource | Promise<ReloadSource>): Promise<ReloadReport> {
    const { log } = this.#parts.logs;
    let places: ReloadSource['places'];
    try {
      const source = await read();
      places = source.places;
      const report = takeOver(this.#parts, this.#config, validConfig(source.config));
      const { config, changed, certificates, needRestart } = report;
      this.#config = config;
      this.#reloads.doneTotal++;
      log.info({ changed, certificates }, 'configuration reloaded');
      if (needRestart.length > 0) log.warn({ keys: needRestart }, 'changes only with a restart');
      return report;
    } catch (thrown) {
      this.#reloads.refusedTotal++;
      const { code, message } = fromNative(thrown);
      const error = withPlaces(message, places);
      log.error({ code, error }, 'configuration refused, the old one stays');
      throw Object.assign(new UploadResponseError(code), { message: error });
    }
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    const { announceMs } = this.#config.shutdown;
    // Cut short by the signal, which is no failure.
    if (announceMs > 0) await delay(announceMs, undefined, { signal }).catch(() => {});
    this.#parts.http.stopListening();
    this.#control?.drain();
    const transports = [...this.#parts.transports.values()];
    await Promise.all(transports.map((transport) => transport.drain(signal)));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  stats(): ServerStats {
    const { ingress, transports, http, logs } = this.#parts;
    const ofTransports = [...transports].map(([name, one]) => [name, one.stats()] as const);
    return {
      ingress: ingress.stats(),
      transports: Object.fromEntries(ofTransports),
      refusedConnectionsTotal: http.refusedConnections,
      refusedOperationsTotal: this.#operations.refusedTotal,
      reloads: { ...this.#reloads },
      logLinesDroppedTotal: logs.droppedLines,
      certificateExpiresAt: http.certificateExpiresAt,
    };
  }

  snapshot(): ProcessSnapshot {
    return this.#facts.snapshot(this.stats());
  }

  #createControl({ control }: Config): ControlApi {
    const { http, segment, socket, ingress, admission, logs } = this.#parts;
    return new ControlApi({
      config: control,
      http,
      segment,
      socket,
      facts: () => ingress.facts(),
      admission: admission.admission,
      isOpen: () => !isAuthConfigured(this.#config.auth),
      tokenParameter: () => this.#config.auth.tokenParameter,
      log: logs.log,
    });
  }

  #createOperations(collect: CollectMetrics | undefined): Operations {
    const { name, segment, ingress, admission } = this.#parts;
    return new Operations({
      segment,
      admission: admission.admission,
      collect,
      snapshot: () => this.snapshot(),
      health: () => ({
        process: name,
        segment,
        ingress,
        listening: this.#listening,
        draining: this.#draining,
        wanted: this.#config.admin,
      }),
    });
  }

  async #close(): Promise<void> {
    this.#draining = true;
    await this.#closeTransports();
    await this.#parts.admission.close();
    this.#facts.stop();
    this.ingress.close();
    this.segment.close();
    await this.#parts.logs.flush();
  }

  async #closeTransports(): Promise<void> {
    const { http, transports } = this.#parts;
    http.stopListening();
    this.#control?.close();
    await Promise.all([...transports.values()].map((transport) => transport.close()));
    await http.close();
    await this.#adminListener?.close();
    await this.#factsSocket.close();
  }
}
