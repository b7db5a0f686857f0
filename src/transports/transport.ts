import type { z } from 'zod';
import type { Admission, ConnectionAdmission } from '../admission/index.js';
import type { HttpConfig, HttpFront, ReloadStep } from '../http/index.js';
import type { Ingress, Logger } from '../ingress/index.js';

/** Where a transport can be reached. */
export interface BoundAddress {
  /** The transport's registered name. */
  readonly transport: string;
  /** URL scheme: `http`, `https`, ... */
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  /** A URL that a client can use as it stands. */
  readonly url: string;
}

/** Counters of one transport since its start; what streams did is in `IngressStats`. */
export interface TransportStats {
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly requestsTotal: number;
  /** Requests that were answered before they became a stream, by error code. */
  readonly refusedTotal: Readonly<Record<string, number>>;
  /** Of transports that see packets. */
  readonly packets?: PacketStats;
  /** When the certificate of its own TLS listener expires, in seconds since 1970. */
  readonly certificateExpiresAt?: number | undefined;
}

/** Packets of clients' data since the start. */
export interface PacketStats {
  readonly receivedTotal: number;
  /** Found missing; most of them were sent again. */
  readonly lostTotal: number;
  /** Given up: their bytes never came to a worker. */
  readonly droppedTotal: number;
  readonly undecryptedTotal: number;
  /** Received a second time. */
  readonly retransmittedTotal: number;
  /** Round-trip time of the connection that has the greatest; undefined without one. */
  readonly greatestRttMs: number | undefined;
}

/** One way for uploads to come in. */
export interface Transport {
  /** Binds all its addresses, or throws and has bound none. What is on the shared HTTP listeners is
   *  bound already. */
  listen(): Promise<readonly BoundAddress[]>;
  /**
   * Reads files again, and takes over the keys that its schema marks with `reload`; the others are as
   * they were. `config`: this transport's, as `create` has it.
   * @throws UploadResponseError INVALID_CONFIG; nothing has changed then
   */
  reload?(config: unknown, http: HttpConfig): ReloadStep;
  /** Refuses what is new and finishes what runs; when `signal` aborts, cuts what is left. */
  drain(signal: AbortSignal): Promise<void>;
  /** Idempotent, never throws. */
  close(): Promise<void>;
  /** A plain object, no I/O. */
  stats(): TransportStats;
}

/** What a transport is given to work with. */
export interface TransportContext<Config> {
  readonly ingress: Ingress;
  readonly config: Config;
  /** Asked before anything becomes a stream. */
  readonly admission: Admission;
  /** Asked before anything of a connection is read, by transports with listeners of their own. */
  readonly connections: ConnectionAdmission;
  /** Listeners and routes that the HTTP transports over TCP share. */
  readonly http: HttpFront;
  readonly log: Logger;
  /** Server processes that share the segment and the ports. */
  readonly processes: number;
}

/** A transport's entry in the registry: configuration, help, metric labels and tests derive from it. */
export interface TransportDefinition<Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly summary: string;
  readonly configSchema: Schema;
  create(context: TransportContext<z.output<Schema>>): Transport;
}

/** Types a definition by its own schema. */
export function defineTransport<Schema extends z.ZodType>(
  definition: TransportDefinition<Schema>,
): TransportDefinition<Schema> {
  return definition;
}
