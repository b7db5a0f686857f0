import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { UploadResponseError } from '../../errors/index.js';
import { rawResponse, tcpSocketOf } from '../../http/index.js';
import { errorAnswer } from '../../ingress/index.js';

/** One request of a connection, as far as its connection needs to know it. */
export interface Turn {
  readonly request: IncomingMessage;
  /** The responses before this one are complete. */
  start(): void;
  /** The rest of the request cannot be read. */
  malformed(error: UploadResponseError): void;
  /** The connection is closed. */
  gone(): void;
}

/** How a connection ends while its client still sends. */
export interface LingerOptions {
  readonly lingerMs: number;
  readonly lingerBytes: number;
}

/** Pipelined requests that wait for their turn before the socket is paused. */
const MAX_WAITING = 16;

const connections = new WeakMap<Socket, Connection>();

/**
 * What requests of one connection share: their turns, one after the other, and its end. When a
 * response ends before its request does, the rest is read away for a while: closing at once would
 * make the kernel reset the connection, and the client lose the response.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: LingerOptions;
  readonly #turns: Turn[] = [];
  /** Responses that are not complete, of turns and of other routes. */
  readonly #open = new Set<ServerResponse>();
  /** The request whose rest is only read away. */
  #discarding: IncomingMessage | undefined;
  #parseError: UploadResponseError | undefined;
  #ending = false;
  /** Value of the socket's `bytesRead` at which lingering is given up. */
  #lingerEnd = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  static of(socket: Socket, options: LingerOptions): Connection {
    let connection = connections.get(socket);
    if (!connection) {
      connection = new Connection(socket, options);
      connections.set(socket, connection);
    }
    return connection;
  }

  private constructor(socket: Socket, options: LingerOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.once('close', () => this.#closed());
  }

  /** No request is answered any more. */
  get ending(): boolean {
    return this.#ending || this.#parseError !== undefined;
  }

  /** No response is due, and none was the last. */
  get idle(): boolean {
    return !this.ending && this.#open.size === 0;
  }

  /** Must see every response of the connection. */
  opened(response: ServerResponse): void {
    this.#open.add(response);
    response.once('close', () => {
      this.#open.delete(response);
      if (this.#open.size === 0 && this.#parseError) this.#answer(this.#parseError);
    });
  }

  /** Starts `turn` when it is its turn. */
  enqueue(turn: Turn): void {
    this.#turns.push(turn);
    if (this.#turns.length === 1) turn.start();
    else if (this.#turns.length > MAX_WAITING) this.#socket.pause();
  }

  /** The response of `turn` is complete. */
  done(turn: Turn): void {
    if (this.#turns[0] !== turn) return;
    this.#turns.shift();
    if (this.#turns.length === MAX_WAITING) this.#socket.resume();
    // Not after a response that was the connection's last.
    if (this.#socket.writable) this.#turns[0]?.start();
  }

  /** Parsing failed: the request that is being read is malformed, or what comes after the last one. */
  malformed(error: UploadResponseError): void {
    if (this.ending) {
      // Every further read fails again.
      this.#checkLingering();
      return;
    }
    const reading = this.#turns[this.#turns.length - 1];
    if (this.#discarding && !this.#discarding.complete) {
      // Its answer is on its way or out: a second one would be taken for the next request's.
      this.destroy();
    } else if (reading && !reading.request.complete) {
      reading.malformed(error);
    } else {
      this.#parseError = error;
      if (this.#open.size === 0) this.#answer(error);
    }
  }

  /** The response ends before its request: the rest is read away, within bounds. `close`: the
   *  response says that the connection closes. */
  discardRest(request: IncomingMessage, response: ServerResponse, close: boolean): void {
    this.#discarding = request;
    if (close) {
      this.#ending = true;
      // Node calls this after the last response: it must not close before the rest is read.
      this.#socket.destroySoon = () => this.#socket.end();
    }
    response.once('finish', () => {
      if (request.complete && !close) return;
      this.#linger();
      if (!close) request.once('end', () => this.#stopLingering());
    });
    request.on('data', () => this.#checkLingering());
    request.resume();
  }

  /** Cuts the connection so that the client cannot take what it got for whole. */
  reset(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!socket.writableEnded) tcpSocketOf(socket).resetAndDestroy();
    socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #answer(error: UploadResponseError): void {
    this.#ending = true;
    this.#linger();
    if (this.#socket.writable) this.#socket.end(rawResponse(errorAnswer(error)), 'latin1');
    else this.destroy();
  }

  #linger(): void {
    this.#lingerEnd = this.#socket.bytesRead + this.#options.lingerBytes;
    this.#timer ??= setTimeout(() => this.destroy(), this.#options.lingerMs);
  }

  #checkLingering(): void {
    if (this.#socket.bytesRead > this.#lingerEnd) this.destroy();
  }

  #stopLingering(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lingerEnd = Number.POSITIVE_INFINITY;
  }

  #closed(): void {
    this.#ending = true;
    this.#stopLingering();
    for (const turn of this.#turns.splice(0)) turn.gone();
  }
}

/** The error for what Node's HTTP parser, or its clock, reports of a connection; undefined when the
 *  connection itself has failed. */
export function parseError(error: NodeJS.ErrnoException): UploadResponseError | undefined {
  const { code = '', message } = error;
  if (code === 'HPE_HEADER_OVERFLOW') return new UploadResponseError('HEAD_TOO_LARGE');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new UploadResponseError('HEAD_TIMEOUT');
  if (code.startsWith('HPE_')) return new UploadResponseError('BAD_REQUEST', message);
  return undefined;
}
