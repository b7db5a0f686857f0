import type { Socket } from 'node:net';
import { UploadResponseError } from '../../errors/index.js';
import { tcpSocketOf } from '../../http/index.js';
import { CloseCode } from './close-codes.js';
import type { Closing, UploadWebSocket } from './upload-web-socket.js';

/** Who speaks on a channel. None of these may throw. */
export interface ChannelUser {
  message(data: Buffer, isBinary: boolean): void;
  /** The client has closed in the normal way: it sends nothing more, and still takes an answer. */
  ended(): void;
  /** The client broke the protocol: nothing more is read. Call `finish`. */
  broken(error: UploadResponseError): void;
  /** The client has gone, or said that it gives up; no view is in use any more. Called once. */
  gone(): void;
  /** The socket takes bytes again: the channel is not congested any more. */
  ready(): void;
  /** The connection is closed. Called once, after `gone`. */
  closed(): void;
}

/** Bytes that may wait in the socket, so that the worker's next slot is ready when it has taken the
 *  last one. */
const MAX_WAITING_BYTES = 256 * 1024;
const BINARY = { binary: true } as const;
const TEXT = { binary: false } as const;

/** A WebSocket connection: messages both ways, back-pressure both ways, its end. */
export class Channel {
  readonly #socket: UploadWebSocket;
  readonly #raw: Socket;
  readonly #user: ChannelUser;
  readonly #maxMessageBytes: number;
  readonly #deflates: boolean;
  /** Messages of the body that the socket has not taken. */
  #lent = 0;
  #full = false;
  #corked = false;
  #paused = false;
  #finish: readonly [code: number, reason: string] | undefined;
  /** The code that a broken frame asks for. */
  #brokenCode: number | undefined;
  #clientEnded = false;
  #isGone = false;
  /** Value of the socket's `bytesRead` when it was last looked at, and when that was another one. */
  #bytesRead = -1;
  #heardAt = 0;

  constructor(socket: UploadWebSocket, raw: Socket, user: ChannelUser, maxMessageBytes: number) {
    this.#socket = socket;
    this.#raw = raw;
    this.#user = user;
    this.#maxMessageBytes = maxMessageBytes;
    // There is one extension.
    this.#deflates = socket.extensions !== '';
    socket.onClosing = (closing) => this.#closing(closing);
    // Without fragments and array buffers a message is one Buffer.
    socket.on('message', (data, isBinary) => user.message(data as Buffer, isBinary));
    socket.on('error', (error) => this.#failed(error));
    socket.once('close', () => {
      this.#gone();
      user.closed();
    });
  }

  /** The client has closed in the normal way. */
  get clientEnded(): boolean {
    return this.#clientEnded;
  }

  /** No message will be sent any more but the close. */
  get finishing(): boolean {
    return this.#finish !== undefined || this.#isGone;
  }

  /** The client does not read what it is sent: nothing should be added until `ChannelUser.ready`. */
  get congested(): boolean {
    return this.#full;
  }

  sendText(text: string): void {
    if (!this.#isOpen) return;
    this.#cork();
    this.#socket.send(text, TEXT, () => this.#drained());
    this.#measure();
  }

  /** Sends a view that must stay as it is until `taken` is called. False: no more until
   *  `ChannelUser.ready`. */
  sendBody(view: Uint8Array, taken: () => void): boolean {
    if (!this.#isOpen) {
      // A client that has closed may have left: its request is worked on all the same.
      if (this.#clientEnded) process.nextTick(taken);
      return this.#clientEnded;
    }
    this.#cork();
    this.#lent++;
    // Another thread reads what it deflates, and may still do so when the view is gone.
    const data = this.#deflates ? Buffer.from(view) : view;
    this.#socket.send(data, BINARY, () => {
      this.#lent--;
      taken();
      this.#closeWhenTaken();
      this.#drained();
    });
    this.#measure();
    return !this.#full;
  }

  /** Nothing is read until `resume`; what has been read already still comes. */
  pause(): void {
    if (this.#paused || this.finishing) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Closes, once the socket has taken what was sent: from then on the client has `closeTimeoutMs`. */
  finish(code: number, reason: string): void {
    if (this.finishing) return;
    this.#finish = [this.#brokenCode ?? code, reason];
    this.resume();
    this.#closeWhenTaken();
  }

  /** Cuts, so that the client cannot take what it got for whole; no view is in use afterwards. */
  reset(): void {
    if (this.#raw.destroyed) return;
    if (!this.#raw.writableEnded) tcpSocketOf(this.#raw).resetAndDestroy();
    this.#raw.destroy();
  }

  /** Pings, or cuts a client off that has been silent for `silenceTimeoutMs`. */
  beat(now: number, silenceTimeoutMs: number): void {
    // The rest is others' to watch: a full ring, a client that does not read, the time of closing.
    const watched = this.#paused || this.#lent > 0 || this.#clientEnded || this.finishing;
    const { bytesRead } = this.#raw;
    if (watched || bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#heardAt = now;
    } else if (now - this.#heardAt >= silenceTimeoutMs) {
      this.#raw.destroy();
      return;
    }
    if (!watched) this.#socket.ping();
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && !this.finishing;
  }

  #closing(closing: Closing): void {
    const { by, code } = closing;
    if (by === 'receiver') {
      if (this.finishing) this.#socket.closeNow(code);
      else this.#brokenCode = code;
    } else if (code !== undefined && code !== CloseCode.normal) {
      // What it does not want is given back, and must not be in the socket any more.
      if (this.#lent > 0) this.reset();
      else this.#socket.closeNow(code, closing.reason);
      this.#gone();
    } else if (!this.#finish) {
      this.#clientEnded = true;
      this.#user.ended();
    } else if (this.#lent === 0) {
      this.#socket.closeNow();
    }
  }

  #failed(error: Error): void {
    // Errors of the socket itself do not come here; without a code it is an error of deflating.
    if (this.finishing || this.#brokenCode === undefined) return;
    const limit = `${this.#maxMessageBytes} bytes are allowed`;
    const broken =
      this.#brokenCode === CloseCode.messageTooBig
        ? new UploadResponseError('MESSAGE_TOO_LARGE', limit)
        : new UploadResponseError('BAD_FRAME', error.message);
    this.#user.broken(broken);
  }

  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#user.gone();
  }

  #measure(): void {
    this.#full = this.#socket.bufferedAmount >= MAX_WAITING_BYTES;
  }

  #drained(): void {
    if (!this.#full) return;
    this.#measure();
    if (!this.#full) this.#user.ready();
  }

  #closeWhenTaken(): void {
    if (!this.#finish || this.#lent > 0 || this.#isGone) return;
    this.#socket.closeNow(...this.#finish);
  }

  /** What is sent in one turn goes out in one write. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#raw.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#raw.uncork();
    });
  }
}
