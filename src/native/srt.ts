import type { NativeLaneFeed } from './lane-feed.js';
import type { TrackCounts } from './track-counts.js';

/** A caller whose handshake was accepted, with what its stream id says. */
export interface SrtCaller {
  /** It uses the stream API; without it messages, whose borders are kept. */
  readonly file: boolean;
  /** IP address. */
  readonly peer: string;
  readonly peerPort: number;
  readonly streamId: string;
  readonly resource: string;
  /** '' where there is none, as the following two: secrets. */
  readonly user: string;
  readonly password: string;
  readonly token: string;
  /** Declared length of the body in bytes. */
  readonly length?: number;
  /** Under which the caller wants to fetch its answer later: 16 to 64 characters, a secret. */
  readonly answerId?: string;
}

/** Something has happened to a socket; see native/srt/engine/events.h. It may have been closed meanwhile. */
export type SrtEvent = { readonly socket: number } & (
  | { readonly kind: 'connected'; readonly caller: SrtCaller }
  /** What was armed. */
  | { readonly kind: 'ready' }
  /** Of a body: its lane is full, and it stands until `goOn`. */
  | { readonly kind: 'full' }
  /** Of a body: as much has come as was declared; more than that, which is not read. */
  | { readonly kind: 'whole' | 'tooLong' }
  /** Of a body: it could not be written, for an error of this number; the rest is dropped. */
  | { readonly kind: 'failed'; readonly number: number }
  /** After everything else: the connection's end; it broke, and something may be missing. */
  | { readonly kind: 'end' | 'broken' }
);

export interface SrtListenOptions {
  readonly host: string;
  /** UDP; 0 takes a free one. */
  readonly port: number;
  /** What callers are whose stream id does not say it. */
  readonly file: boolean;
  readonly latencyMs: number;
  readonly highThroughput: boolean;
  readonly receiveBufferBytes: number;
  readonly udpBufferBytes: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
}

/** A caller of our own, in file mode. Secrets: stream id, passphrase. */
export interface SrtConnectOptions {
  /** Numeric. */
  readonly address: string;
  readonly port: number;
  readonly streamId: string;
  /** '' stands for none. */
  readonly passphrase: string;
  /** 16, 24, 32; 0: as the other side has it. */
  readonly keyBytes: number;
  readonly timeoutMs: number;
}

/** Passphrases are secrets; '' stands for none. */
export interface SrtCredentials {
  readonly passphrase: string;
  readonly users: readonly {
    readonly name: string;
    readonly passphrase: string;
    readonly resources: readonly string[];
  }[];
}

/** Packets of one connection since its start. */
export interface SrtCounts {
  readonly received: number;
  readonly lost: number;
  readonly dropped: number;
  readonly undecrypted: number;
  /** Received a second time. */
  readonly retransmitted: number;
  readonly rttMs: number;
}

/** What is known of the MPEG transport stream that a live caller sends. */
export interface SrtMedia {
  readonly videoCodec?: string | undefined;
  readonly audioCodec?: string | undefined;
  /** First bytes of the newest keyframe, Annex B. */
  readonly videoStart?: Buffer | undefined;
  /** Hz. */
  readonly sampleRate?: number | undefined;
  readonly channels?: number | undefined;
  /** Units are PES packets. */
  readonly video: TrackCounts;
  readonly audio: TrackCounts;
}

/** The engine of native/srt: listeners, and the thread that takes what their callers send. */
export interface NativeSrt {
  /** The port that was bound. Throws an error whose `number` is a table number. */
  listen(options: SrtListenOptions): number;
  /** Begins to connect; `arm` for writing tells when that is decided. Its socket. Throws an error whose
   *  `number` is a table number. */
  connect(options: SrtConnectOptions): number;
  /** 0: connecting; 1: connected; negative: refused, by libsrt's reject reason, or broken. */
  connection(socket: number): number;
  setCredentials(credentials: SrtCredentials): void;
  /** New callers are told that the service is down. */
  refuseNew(): void;
  /** Callers refused since the last call, by libsrt's reject code. */
  takeRefused(): readonly { readonly code: number; readonly count: number }[];
  takeEvents(): readonly SrtEvent[];
  /** Of a connection of our own. Bytes read; 0: nothing is there; -1: the end; -2: it has broken. */
  read(socket: number, into: Uint8Array): number;
  /** Bytes taken, as far as there is room; -2: it has broken. */
  write(socket: number, bytes: Uint8Array): number;
  /** Wants one `ready`: when it is readable, or writable; in any case when it breaks. */
  arm(socket: number, readable: boolean, writable: boolean): void;
  /** What comes goes into the lane, from a native thread: `length` bytes, or all until the end. When the
   *  loan is over, the rest is dropped. */
  lend(socket: number, feed: NativeLaneFeed, length?: number): void;
  /** After `full`. What comes is dropped where the feed was not drained. */
  goOn(socket: number): void;
  /** Undefined: it is gone. */
  counts(socket: number): SrtCounts | undefined;
  /** Undefined: it sends no messages, or is gone. */
  media(socket: number): SrtMedia | undefined;
  /** Bytes that the peer has not acknowledged; -1: it is gone. */
  unsent(socket: number): number;
  /** How long the peer keeps what it has before it reads it. */
  peerLatencyMs(socket: number): number;
  /** Drops what is not sent. */
  closeSocket(socket: number): void;
  /** Ends everything. Idempotent. */
  close(): void;
}
