import type { Socket } from 'node:net';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import {
  answerHandshake,
  ChunkReader,
  control,
  HANDSHAKE_BYTES,
  MessageType,
  type RtmpMessage,
} from '../../protocols/rtmp/index.js';
import { type CommandHost, CommandSession } from './command-session.js';
import { greeting, ping, pong, WINDOW_BYTES } from './replies.js';

/** What a connection has of its transport. */
export interface ConnectionHost extends CommandHost {
  readonly maxMessageBytes: number;
  readonly publishTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Who does not read what little we write does not read at all. */
const MOST_UNSENT_BYTES = 2 ** 20;
/** So that a client can read what it was told last: unread bytes of its own would reset the connection. */
const LINGER_MS = 2000;
const VERSION = 3;
/** An acknowledgement waits for a moment in which nothing comes. A client that has sent everything and gone
 *  resets the connection when something comes for it, and Node.js drops what it has not read by then. */
const ACKNOWLEDGE_AFTER_MS = 10;

/** One TCP or TLS connection: handshake, chunks, acknowledgements and time-outs. */
export class RtmpConnection {
  readonly socket: Socket;
  readonly session: CommandSession;
  readonly #host: ConnectionHost;
  readonly #reader: ChunkReader;
  #handshake: Buffer | undefined = Buffer.alloc(0);
  #answered = false;
  #received = 0;
  #acknowledged = 0;
  #window = WINDOW_BYTES;
  #heardAt = performance.now();
  #pinged = false;
  #ending = false;
  #publishTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #acknowledgeTimer: NodeJS.Timeout | undefined;

  constructor(host: ConnectionHost, socket: Socket) {
    this.#host = host;
    this.socket = socket;
    this.#reader = new ChunkReader(host.maxMessageBytes, (message) => this.#take(message));
    this.session = new CommandSession(host, this);
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#data(bytes));
    // Whatever it is, the socket closes.
    socket.on('error', () => {});
    socket.once('close', () => this.#closed());
    this.expectPublish();
  }

  /** Whoever does not begin to publish in time has to go. */
  expectPublish(): void {
    clearTimeout(this.#publishTimer);
    this.#publishTimer = setTimeout(() => {
      this.fail(new UploadResponseError('RTMP_TIMEOUT', 'it does not publish'));
    }, this.#host.publishTimeoutMs);
  }

  publishing(): void {
    clearTimeout(this.#publishTimer);
  }

  send(bytes: Buffer): void {
    if (this.#ending || this.socket.destroyed) return;
    this.socket.write(bytes);
    if (this.socket.writableLength > MOST_UNSENT_BYTES) this.socket.destroy();
  }

  /** Closes it once the client has what was sent. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#reader.stop();
    clearTimeout(this.#publishTimer);
    this.socket.end();
    this.socket.resume();
    this.#lingerTimer = setTimeout(() => this.socket.destroy(), LINGER_MS);
  }

  /** Closes it because of something that the client did. */
  fail(error: UploadResponseError): void {
    if (this.#ending || this.socket.destroyed) return;
    if (!this.session.end(error)) this.#host.refused(error);
    this.end();
  }

  pause(): void {
    if (!this.#ending) this.socket.pause();
  }

  resume(): void {
    this.#heardAt = performance.now();
    this.socket.resume();
  }

  /** Looks after a client of which nothing comes. */
  beat(now: number): void {
    if (this.#ending || this.socket.isPaused()) return;
    const silentMs = now - this.#heardAt;
    if (silentMs > this.#host.idleTimeoutMs) {
      this.fail(new UploadResponseError('RTMP_TIMEOUT', 'nothing comes'));
    } else if (silentMs > this.#host.idleTimeoutMs / 2 && !this.#handshake && !this.#pinged) {
      this.#pinged = true;
      this.send(ping(now));
    }
  }

  #data(bytes: Buffer): void {
    if (this.#ending) return;
    this.#heardAt = performance.now();
    this.#pinged = false;
    this.#received += bytes.length;
    try {
      const rest = this.#handshake ? this.#shakeHands(this.#handshake, bytes) : bytes;
      if (rest && rest.length > 0) this.#reader.push(rest);
      this.#acknowledgeSoon();
    } catch (error) {
      this.fail(fromNative(error));
    }
  }

  #acknowledgeSoon(): void {
    if (this.#received - this.#acknowledged < this.#window) return;
    this.#acknowledgeTimer ??= setTimeout(() => {
      if (this.socket.isPaused()) {
        this.#acknowledgeTimer?.refresh();
        return;
      }
      this.#acknowledgeTimer = undefined;
      this.#acknowledged = this.#received;
      this.send(control(MessageType.acknowledgement, this.#received));
    }, ACKNOWLEDGE_AFTER_MS);
    this.#acknowledgeTimer.refresh();
  }

  /** What comes after the handshake; undefined while it is not over. */
  #shakeHands(before: Buffer, bytes: Buffer): Buffer | undefined {
    const all = Buffer.concat([before, bytes]);
    if (all[0] !== VERSION) {
      throw new UploadResponseError('RTMP_HANDSHAKE', `its version is ${all[0]}`);
    }
    const first = 1 + HANDSHAKE_BYTES;
    if (!this.#answered && all.length >= first) {
      this.#answered = true;
      this.send(answerHandshake(VERSION, all.subarray(1, first)));
    }
    const whole = first + HANDSHAKE_BYTES;
    if (all.length < whole) {
      this.#handshake = all;
      return undefined;
    }
    this.#handshake = undefined;
    this.send(greeting());
    return all.subarray(whole);
  }

  #take(message: RtmpMessage): void {
    const { type, payload } = message;
    if (type === MessageType.audio || type === MessageType.video) {
      this.session.media(message);
    } else if (type === MessageType.userControl) {
      const answer = pong(payload);
      if (answer) this.send(answer);
    } else if (type === MessageType.windowAckSize) {
      if (payload.length < 4) throw new UploadResponseError('RTMP_PROTOCOL', 'no window size');
      this.#window = Math.max(payload.readUInt32BE(0), 1);
    } else {
      this.session.take(message);
    }
  }

  #closed(): void {
    clearTimeout(this.#publishTimer);
    clearTimeout(this.#lingerTimer);
    clearTimeout(this.#acknowledgeTimer);
    this.#reader.stop();
    this.session.gone();
  }
}
