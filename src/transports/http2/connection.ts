import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { TokenBucket } from '../../admission/index.js';
import { type ErrorCode, UploadResponseError } from '../../errors/index.js';
import type { WaitingBudget } from '../../ingress/index.js';
import { BodyQueue } from './body-queue.js';
import { nameFaults } from './goaway-codes.js';
import { ReadMemory } from './read-memory.js';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

type SessionOptions = NonNullable<Parameters<typeof performServerHandshake>[1]>;

/** What connections are allowed to do. Bytes, milliseconds. */
export interface ConnectionOptions {
  readonly session: SessionOptions;
  readonly connectionWindowBytes: number;
  readonly maxResets: number;
  readonly maxControlFrames: number;
  readonly countingWindowMs: number;
  readonly headTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly lingerMs: number;
  /** Time that a connection which ends has to send what waits. */
  readonly flushMs: number;
  readonly sweepEveryMs: number;
}

/** A stream whose request head has come. */
export interface IncomingStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly queue: BodyQueue;
}

/** One open stream of a connection. */
interface OpenStream {
  /** The ingress watches its time while this is not over. */
  exchange: { readonly over: boolean } | undefined;
  /** When a sweep first saw its whole answer, or its reset; 0: not yet. */
  leftAt: number;
}

/** What a connection has of its transport. */
export interface ConnectionHost {
  /** Where bytes are counted that wait to be read. */
  readonly waiting: WaitingBudget;
  /** A request whose head has come whole. */
  request(connection: Connection, incoming: IncomingStream): void;
  /** The connection ends for what its client did. */
  misused(connection: Connection, error: UploadResponseError): void;
  /** The session failed; the code says how. */
  failed(code: string): void;
}

/**
 * One connection that speaks HTTP/2: its session, its streams, and its end. `sweep` must be called about
 * every second: all that depends on time is done there, so that a request costs no timer.
 */
export class Connection {
  readonly #session: ServerHttp2Session;
  readonly #options: ConnectionOptions;
  readonly #host: ConnectionHost;
  readonly #resets: TokenBucket;
  readonly #controlFrames: TokenBucket;
  /** Streams that are not closed. */
  readonly #streams = new Map<ServerHttp2Stream, OpenStream>();
  readonly #memory = new ReadMemory();
  /** Streams that this side has reset. */
  readonly #resetHere = new WeakSet<ServerHttp2Stream>();
  #used = false;
  #quietSince: number;
  #endingSince: number | undefined;
  #misuse: ErrorCode | undefined;

  constructor(
    readonly socket: Socket,
    options: ConnectionOptions,
    host: ConnectionHost,
  ) {
    const now = performance.now();
    this.#options = options;
    this.#host = host;
    this.#quietSince = now;
    const perSecond = (limit: number) => limit / (options.countingWindowMs / 1000);
    const { maxResets, maxControlFrames } = options;
    this.#resets = new TokenBucket(perSecond(maxResets), maxResets, now);
    this.#controlFrames = new TokenBucket(perSecond(maxControlFrames), maxControlFrames, now);
    this.#session = performServerHandshake(socket, options.session) as ServerHttp2Session;
    nameFaults(this.#session);
    this.#session.on('error', (error: NodeJS.ErrnoException) => host.failed(error.code ?? ''));
    this.#session.on('stream', this.#onStream);
    this.#session.on('ping', this.#onControlFrame);
    this.#session.on('remoteSettings', this.#onControlFrame);
    if (!this.#session.destroyed) this.#session.setLocalWindowSize(options.connectionWindowBytes);
  }

  /** Of the connection, whatever requests say. */
  get scheme(): 'http' | 'https' {
    return (this.socket as TLSSocket).encrypted ? 'https' : 'http';
  }

  /** Why a request ends that its client did not end properly. */
  reasonFor(stream: ServerHttp2Stream): ErrorCode {
    // A body that is not as long as was declared: nghttp2 resets its stream.
    const malformed = stream.rstCode === constants.NGHTTP2_PROTOCOL_ERROR;
    return this.#misuse ?? (malformed ? 'BAD_REQUEST' : 'CLIENT_GONE');
  }

  /** From here on the ingress watches the stream's time, until `exchange` is over. */
  watched(stream: ServerHttp2Stream, exchange: { readonly over: boolean }): void {
    const open = this.#streams.get(stream);
    if (open) open.exchange = exchange;
  }

  /** Resets a stream. NO_ERROR: its answer is complete, and the rest of its request is not wanted. */
  reset(stream: ServerHttp2Stream, code: number): void {
    if (stream.closed || stream.destroyed) return;
    this.#resetHere.add(stream);
    const open = this.#streams.get(stream);
    if (open) open.leftAt = performance.now();
    stream.close(code);
  }

  /** GOAWAY: takes no new request, and ends when the last one is answered. */
  end(): void {
    if (this.#endingSince !== undefined) return;
    this.#endingSince = performance.now();
    this.#session.close();
  }

  /** Ends at once. */
  cut(): void {
    this.#session.destroy();
    this.socket.destroy();
  }

  /** Ends what has lasted too long. */
  sweep(now: number): void {
    this.#sweepStreams(now);
    if (this.#streams.size > 0 && !this.#session.destroyed) return;
    if (this.#session.destroyed) this.#endingSince ??= now;
    if (this.#endingSince !== undefined) {
      // A client that does not close would keep half a connection for ever.
      const { lingerMs, flushMs } = this.#options;
      const since = Math.max(this.#endingSince, this.#quietSince);
      if (now - since > (this.socket.writableEnded ? lingerMs : flushMs)) this.cut();
      return;
    }
    const { headTimeoutMs, keepAliveTimeoutMs } = this.#options;
    if (now - this.#quietSince > (this.#used ? keepAliveTimeoutMs : headTimeoutMs)) this.end();
  }

  /** A client that does not take an answer, or goes on sending after it, would keep its stream for ever.
   *  One that stays although it was reset has a client that takes nothing at all, or a session that
   *  nghttp2 has given up, which Node does not tell. */
  #sweepStreams(now: number): void {
    const { lingerMs, flushMs } = this.#options;
    for (const [stream, open] of this.#streams) {
      const resetHere = this.#resetHere.has(stream);
      const answered = stream.headersSent && stream.writableEnded;
      if (open.exchange?.over === false || !(answered || resetHere)) continue;
      if (open.leftAt === 0) open.leftAt = now;
      if (now - open.leftAt <= (resetHere ? flushMs : lingerMs)) continue;
      if (resetHere) {
        this.cut();
        return;
      }
      // Whole, as far as the client is concerned: it must not take the answer for cut.
      const sent = stream.state.localClose === 1;
      this.reset(stream, sent ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
    }
  }

  readonly #onStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    rawHeaders: readonly string[] = [],
  ): void => {
    this.#used = true;
    this.#streams.set(stream, { exchange: undefined, leftAt: 0 });
    stream.on('error', () => {});
    stream.once('close', () => this.#closed(stream));
    if (stream.destroyed) return;
    const tooMuch = () => this.reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
    const queue = new BodyQueue(stream, this.#host.waiting, this.#memory, tooMuch);
    this.#host.request(this, { stream, headers, rawHeaders, queue });
  };

  #closed(stream: ServerHttp2Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#quietSince = performance.now();
    if (this.#session.destroyed || this.#resetHere.has(stream)) return;
    const reset = stream.aborted || stream.rstCode !== NGHTTP2_NO_ERROR;
    const answered = stream.headersSent && stream.writableFinished;
    if (reset && !answered && this.#resets.take(performance.now()) > 0) {
      this.#endMisused('it resets its requests too fast');
    }
  }

  readonly #onControlFrame = (): void => {
    if (this.#controlFrames.take(performance.now()) > 0) {
      this.#endMisused('it sends PING or SETTINGS too fast');
    }
  };

  #endMisused(detail: string): void {
    if (this.#misuse) return;
    const error = new UploadResponseError('CONNECTION_MISUSED', detail);
    this.#misuse = error.code;
    this.#host.misused(this, error);
    this.#session.destroy(error, NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
