/** The part of the native interface of @currentspace/http3 that is used, as its index.d.ts has it. */

export interface NativeField {
  readonly name: string;
  readonly value: string;
}

/** Kinds of `NativeEvent`. */
export const NativeEventType = {
  newSession: 1,
  headers: 3,
  data: 4,
  finished: 5,
  reset: 6,
  sessionClose: 7,
  drain: 8,
  error: 10,
  handshakeComplete: 11,
  shutdownComplete: 15,
  streamBlocked: 16,
  pingAck: 17,
  writeReady: 18,
} as const;

export interface NativeEvent {
  readonly eventType: number;
  /** Of the connection; given to another one as soon as it has ended. */
  readonly connHandle: number;
  /** -1: of the connection, or of the listener. */
  readonly streamId: number;
  readonly headers?: readonly NativeField[];
  readonly data?: Buffer;
  readonly fin?: boolean;
  readonly meta?: {
    readonly errorCode?: number;
    readonly errorReason?: string;
    readonly errorCategory?: string;
    readonly remoteAddr?: string;
    readonly remotePort?: number;
  };
}

export interface NativeAddress {
  readonly address: string;
  readonly port: number;
}

/** Beside the thread of JavaScript it has threads of its own; every call puts a command into a queue. */
export interface NativeServer {
  listen(port: number, host: string): NativeAddress;
  sendResponseHeaders(conn: number, stream: number, fields: NativeField[], fin: boolean): boolean;
  /** `status` 0: accepted, all of it. */
  streamSend(conn: number, stream: number, data: Buffer, fin: boolean): { status: number };
  sendTrailers(conn: number, stream: number, fields: NativeField[]): boolean;
  /** Resets both directions. */
  streamClose(conn: number, stream: number, code: number): boolean;
  closeSession(conn: number, code: number, reason: string): boolean;
  /** Throws when the connection is no more. */
  getSessionMetrics(conn: number): NativeMetrics;
  pingSession(conn: number): boolean;
  ackEventBatch(count: number): void;
  requestShutdown(): boolean;
  /** Waits for its threads: they have ended after `shutdownComplete`. */
  joinWorker(): void;
}

export interface NativeClient {
  connect(address: string, serverName: string): NativeAddress;
  /** Answered by one `pingAck`. */
  ping(): boolean;
  close(code: number, reason: string): boolean;
  requestShutdown(): boolean;
  joinWorker(): void;
}

export interface NativeMetrics {
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  /** Of packets, duplicates and acknowledgements too. */
  readonly bytesIn: number;
}

export type NativeCallback = (error: Error | null, events: NativeEvent[]) => void;

export interface NativeServerOptions {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly runtimeMode: 'portable';
  readonly maxIdleTimeoutMs: number;
  readonly maxConnections: number;
  readonly initialMaxStreamsBidi: number;
  readonly initialMaxData: number;
}

export interface NativeHttp3 {
  readonly NativeWorkerServer: new (
    options: NativeServerOptions,
    callback: NativeCallback,
  ) => NativeServer;
  readonly NativeWorkerClient: new (
    options: { readonly rejectUnauthorized: false; readonly runtimeMode: 'portable' },
    callback: NativeCallback,
  ) => NativeClient;
  /** Counters of the whole process. */
  runtimeTelemetry(): {
    /** Events that JavaScript has not acknowledged. */
    readonly eventBatchOutstanding: number;
    readonly h3ServerSessionsClosed: number;
    /** Bytes of responses that were given and not yet looked at. */
    readonly outboundCommandQueuedBytes: number;
    /** Bytes of responses that their clients do not take. */
    readonly outboundPendingWriteBytes: number;
  };
}
