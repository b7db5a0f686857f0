import type { Header } from '../../protocols/hpks/index.js';

/** RFC 9114 section 8.1. */
export const H3Code = {
  noError: 0x100,
  internalError: 0x102,
  excessiveLoad: 0x107,
  requestRejected: 0x10b,
  messageError: 0x10e,
} as const;

/** What an engine listens with. */
export interface QuicOptions {
  /** An address or a name. */
  readonly host: string;
  /** UDP; 0 takes a free one. */
  readonly port: number;
  /** Certificate chain and private key, PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** A connection of which nothing is heard for this time is gone. */
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxStreamsPerConnection: number;
  /** About so much of all requests may come after `pause`. Bytes. */
  readonly burstBytes: number;
  /** What the engine may hold of all requests while it is paused; beyond that connections are closed. */
  readonly maxUnreadBytes: number;
  /** A client that takes nothing of its responses for so long is cut. 0: never. */
  readonly stallTimeoutMs: number;
}

/**
 * An implementation of QUIC and HTTP/3 framing. It knows nothing of uploads, as what uses it knows
 * nothing of the engine.
 */
export interface QuicEngine {
  /** What it is, for logs. */
  readonly name: string;
  /** Rejects with the system's error, or UploadResponseError INVALID_CONFIG for the certificate. */
  listen(options: QuicOptions, taker: QuicTaker): Promise<QuicListener>;
}

/** One UDP socket with its connections. */
export interface QuicListener {
  readonly host: string;
  readonly port: number;
  /** Takes no more of any request until `resume`: clients are held back by flow control. What is on its
   *  way still comes. */
  pause(): void;
  resume(): void;
  /** Cuts what is open and gives the port back. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** Whom a listener tells what comes. Must not throw. */
export interface QuicTaker {
  /** Somebody has begun a connection, from an address that was validated. */
  connection(connection: QuicConnection): void;
  /** The last of its streams is complete. */
  idle(connection: QuicConnection): void;
  /** It has ended; each of its streams has been told `gone`. */
  closed(connection: QuicConnection): void;
  /** A request's head: `fields` with the pseudo-header fields, in latin1. Says whom to tell the rest;
   *  undefined: nobody wants it. */
  request(stream: QuicStream, fields: readonly Header[]): QuicStreamTaker | undefined;
  /** The listener itself has failed and must be closed. */
  failed(error: Error): void;
}

/** What comes of one request after its head; nothing comes after `gone`. */
export interface QuicStreamTaker {
  /** The memory belongs to the taker from here on. */
  data(bytes: Uint8Array): void;
  /** Fields of a trailer section; the end follows. */
  trailers(fields: readonly Header[]): void;
  /** The client says that this was all. */
  end(): void;
  /** The client has reset the stream, or its connection is closed. */
  gone(): void;
  /** After `send` said false: there may be room again. */
  writable(): void;
}

export interface QuicConnection {
  /** The client's address. */
  readonly peer: string;
  /** Streams whose request or response is not complete. */
  readonly streams: number;
  /** Ends it at once, with what it has open. */
  close(code: number): void;
  /** Ends it when the client has got everything that was sent. */
  finish(): void;
}

/** The response side of one request. Calls on a stream that has ended do nothing. */
export interface QuicStream {
  readonly connection: QuicConnection;
  /** `fields` in latin1, with `:status`; once, first. */
  head(fields: readonly Header[]): void;
  /** Copies the bytes and sends them. False: there is no room, nothing was taken, try again at
   *  `writable`. */
  send(bytes: Uint8Array): boolean;
  /** The response is complete; `trailers`: fields that follow its last byte. */
  end(trailers?: readonly Header[]): void;
  /** The client learns that what it got is not the whole response, and is to send no more. */
  reset(code: number): void;
  /** The response is complete: the client need not send the rest of its request. */
  stopReading(): void;
}
