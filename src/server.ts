import { type AdmissionSet, createAdmission, isAuthConfigured } from './admission/index.js';
import type { Config } from './config/schema.js';
import { HttpFront } from './http/index.js';
import { Ingress, type Logger } from './ingress/index.js';
import type { ProcessSnapshot, ServerStats } from './metrics/index.js';
import { Segment } from './ring/index.js';
import { defaultSocketPath, prepareSocketFolder } from './ring/socket-path.js';
import type { AdminAddress } from './server/admin-listener.js';
import { createLog, foreignLog } from './server/log.js';
import type { CollectMetrics } from './server/operations.js';
import type { ReloadSource } from './server/reload-plan.js';
import { RunningServer } from './server/running-server.js';
import type { ReloadReport } from './server/take-over.js';
import { type ServerConfig, validConfig } from './server/valid-config.js';
import { TRANSPORTS, type TransportName } from './transports/registry.js';
import type { BoundAddress, Transport, TransportContext } from './transports/transport.js';

export { type ReloadableKey, reloadableKeys } from './config/index.js';
export type { ProcessSnapshot, ServerStats } from './metrics/index.js';
export type { AdminAddress } from './server/admin-listener.js';
export type { CollectMetrics } from './server/operations.js';
export type { ReloadSource } from './server/reload-plan.js';
export type { ReloadReport } from './server/take-over.js';
export type { ServerConfig } from './server/valid-config.js';
export { http3Problem } from './transports/http3/index.js';
export { webRtcProblem } from './transports/webrtc/index.js';

export interface ServerOptions {
  /** Instead of the one that `config.log` describes. */
  readonly log?: Logger;
  /** Name of this process in the segment: `inspect`, `top`, logs, metrics. Default `server`. */
  readonly name?: string;
  /**
   * Serve the segment that another process has created with `server.processes` above 1, as one more
   * ingress process; `config.segment` then only says where the control socket is. Default false.
   */
  readonly join?: boolean;
  /** How /metrics gets what the other processes of the segment count. Without it: only its own. */
  readonly collectMetrics?: CollectMetrics;
}

/** A server process: a segment, one ingress, and the transports that fill it. */
export interface UploadResponseServer {
  readonly segment: Segment;
  readonly ingress: Ingress;
  /** Where it listens; empty before `listen`. */
  readonly addresses: readonly BoundAddress[];
  /** The listener for operations, if `admin.port` asks for one; undefined before `listen`. */
  readonly admin: AdminAddress | undefined;
  /** Path of the control socket that workers attach to. */
  readonly socket: string;
  /** Binds every transport, or throws and has bound none. */
  listen(): Promise<readonly BoundAddress[]>;
  /**
   * Takes over what can be changed while it runs, and reads certificates and key sets again. Open
   * connections stay. Rejects with what `read` throws, or with INVALID_CONFIG: then everything stays as it
   * was. Both are logged and counted.
   */
  reload(read: () => ReloadSource | Promise<ReloadSource>): Promise<ReloadReport>;
  /** Says so for `shutdown.announceMs`, then refuses what is new and finishes what runs; when `signal`
   *  aborts, cuts what is left. */
  drain(signal: AbortSignal): Promise<void>;
  /** Cuts what runs, stops listening and gives the segment back. Idempotent, never throws. */
  close(): Promise<void>;
  stats(): ServerStats;
  /** What this process tells of itself, for another one's `collectMetrics`. */
  snapshot(): ProcessSnapshot;
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
  const valid = validConfig(config);
  const name = options.name ?? 'server';
  const logs = options.log ? foreignLog(options.log) : createLog(valid.log, name);
  const socket = valid.segment.socket ?? defaultSocketPath();
  prepareSocketFolder(socket);
  const resumable = valid.server.processes > 1;
  const segment = options.join
    ? await Segment.join({ socket, name })
    : Segment.create({ ...valid.segment, socket, name, resumable });
  const { log } = logs;
  const ingress = new Ingress({
    segment,
    limits: valid.limits,
    killStuckAfterMs: valid.workers.killStuckAfterMs,
    log,
    logStreams: valid.log.streams,
    transports: Object.keys(TRANSPORTS),
  });
  let admission: AdmissionSet | undefined;
  try {
    admission = createAdmission(valid.auth, valid.limits);
    const { connections } = admission;
    const http = new HttpFront(valid.http, log, connections);
    const { processes } = valid.server;
    const shared = { ingress, http, admission: admission.admission, connections, log, processes };
    const transports = createTransports(valid, shared);
    const parts = { name, socket, segment, ingress, http, transports, admission, logs };
    const server = new RunningServer(valid, parts, options.collectMetrics);
    http.prepare();
    if (!isAuthConfigured(valid.auth)) {
      log.info({}, 'no authentication is configured: only this machine can connect');
    }
    return server;
  } catch (error) {
    await admission?.close();
    ingress.close();
    segment.close();
    throw error;
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
