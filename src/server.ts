import type { z } from 'zod';
import { type AdmissionSet, createAdmission, isAuthConfigured } from './admission/index.js';
import { type Config, configSchema } from './config/schema.js';
import { ControlApi } from './control/index.js';
import { UploadResponseError } from './errors/index.js';
import { HttpFront } from './http/index.js';
import { Ingress, type IngressStats, type Logger } from './ingress/index.js';
import { Segment } from './ring/index.js';
import { defaultSocketPath, prepareSocketFolder } from './ring/socket-path.js';
import { createLogger } from './server/log.js';
import { TRANSPORTS, type TransportName } from './transports/registry.js';
import type {
  BoundAddress,
  Transport,
  TransportContext,
  TransportStats,
} from './transports/transport.js';

/** What `createServer` takes: every key has a default. */
export type ServerConfig = z.input<typeof configSchema>;

export interface ServerOptions {
  /** Instead of the one that `config.log` describes. */
  readonly log?: Logger;
  /** Name of this process in the segment: `inspect`, `top`, logs. Default `server`. */
  readonly name?: string;
  /**
   * Serve the segment that another process has created with `server.processes` above 1, as one more
   * ingress process; `config.segment` then only says where the control socket is. Default false.
   */
  readonly join?: boolean;
}

/** A plain picture of a server. */
export interface ServerStats {
  readonly ingress: IngressStats;
  readonly transports: Readonly<Record<string, TransportStats>>;
}

/** A server process: a segment, one ingress, and the transports that fill it. */
export interface UploadResponseServer {
  readonly segment: Segment;
  readonly ingress: Ingress;
  /** Where it listens; empty before `listen`. */
  readonly addresses: readonly BoundAddress[];
  /** Path of the control socket that workers attach to. */
  readonly socket: string;
  /** Binds every transport, or throws and has bound none. */
  listen(): Promise<readonly BoundAddress[]>;
  /** Refuses what is new and finishes what runs; when `signal` aborts, cuts what is left. */
  drain(signal: AbortSignal): Promise<void>;
  /** Cuts what runs, stops listening and gives the segment back. Idempotent, never throws. */
  close(): Promise<void>;
  stats(): ServerStats;
}

/**
 * Creates the shared memory (or joins it) and everything that serves it; nothing listens yet but the
 * control socket.
 * @throws UploadResponseError INVALID_CONFIG, OUT_OF_MEMORY, SOCKET_IN_USE, INVALID_SOCKET_PATH,
 *   NATIVE_UNAVAILABLE; with `join` SERVER_GONE, PERMISSION_DENIED, NO_FREE_WORKER
 */
export async function createServer(
  config: ServerConfig = {},
  options: ServerOptions = {},
): Promise<UploadResponseServer> {
  const valid = validate(config);
  const log = options.log ?? createLogger(valid.log);
  const socket = valid.segment.socket ?? defaultSocketPath();
  prepareSocketFolder(socket);
  const name = options.name ?? 'server';
  const resumable = valid.server.processes > 1;
  const segment = options.join
    ? await Segment.join({ socket, name })
    : Segment.create({ ...valid.segment, socket, name, resumable });
  const { killStuckAfterMs } = valid.workers;
  const ingress = new Ingress({ segment, limits: valid.limits, killStuckAfterMs, log });
  let admission: AdmissionSet | undefined;
  let control: ControlApi | undefined;
  try {
    admission = createAdmission(valid.auth, valid.limits);
    const http = new HttpFront(valid.http, log, admission.connections);
    const shared = { ingress, http, admission: admission.admission, log };
    const transports = createTransports(valid, shared);
    const open = !isAuthConfigured(valid.auth);
    if (valid.control.enabled) {
      const { tokenParameter } = valid.auth;
      const { control: config } = valid;
      control = new ControlApi({ ...shared, config, segment, socket, open, tokenParameter });
    }
    http.prepare();
    if (open) {
      log.info({}, 'no authentication is configured: only this machine can connect');
    }
    return new Server(socket, segment, ingress, http, transports, admission, control);
  } catch (error) {
    control?.close();
    await admission?.close();
    ingress.close();
    segment.close();
    throw error;
  }
}

class Server implements UploadResponseServer {
  addresses: readonly BoundAddress[] = [];
  #closed: Promise<void> | undefined;

  constructor(
    readonly socket: string,
    readonly segment: Segment,
    readonly ingress: Ingress,
    readonly http: HttpFront,
    readonly transports: ReadonlyMap<string, Transport>,
    readonly admission: AdmissionSet,
    readonly control: ControlApi | undefined,
  ) {}

  async listen(): Promise<readonly BoundAddress[]> {
    const bound: BoundAddress[] = [];
    try {
      await this.http.listen();
      for (const transport of this.transports.values()) bound.push(...(await transport.listen()));
    } catch (error) {
      await this.#closeTransports();
      throw error;
    }
    this.addresses = bound;
    return bound;
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.http.stopListening();
    this.control?.drain();
    const transports = [...this.transports.values()];
    await Promise.all(transports.map((transport) => transport.drain(signal)));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  stats(): ServerStats {
    const transports = [...this.transports].map(([name, one]) => [name, one.stats()] as const);
    return { ingress: this.ingress.stats(), transports: Object.fromEntries(transports) };
  }

  async #close(): Promise<void> {
    await this.#closeTransports();
    await this.admission.close();
    this.ingress.close();
    this.segment.close();
  }

  async #closeTransports(): Promise<void> {
    this.http.stopListening();
    this.control?.close();
    await Promise.all([...this.transports.values()].map((transport) => transport.close()));
    await this.http.close();
  }
}

function createTransports(
  config: Config,
  shared: Omit<TransportContext<unknown>, 'config'>,
): Map<string, Transport> {
  const transports = new Map<string, Transport>();
  for (const name of Object.keys(TRANSPORTS) as TransportName[]) {
    // The registry says which configuration belongs to which transport; TypeScript cannot.
    const context = { ...shared, config: config.transports[name] };
    const definition = TRANSPORTS[name] as {
      create(context: TransportContext<unknown>): Transport;
    };
    transports.set(name, definition.create(context));
  }
  return transports;
}

function validate(config: ServerConfig): Config {
  const parsed = configSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'configuration'}: ${message}`,
  );
  throw new UploadResponseError('INVALID_CONFIG', problems.join('; '));
}
