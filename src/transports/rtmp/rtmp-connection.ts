import type { Socket } from 'node:net';
import { errorOf, fromNative, UploadResponseError } from '../../errors/index.js';
import { answerHandshake, control, MessageType } from '../../protocols/rtmp/index.js';
import {
  type LentWriter,
  newRtmpReceiver,
  type RtmpContinuation,
  type RtmpMedia,
  type RtmpNotice,
  type RtmpReceiver,
} from '../../ring/index.js';
import { type CommandHost, CommandSession } from './command-session.js';
import { greeting, ping, pong, WINDOW_BYTES } from './replies.js';
import type { Wire } from './wire.js';

/** What a connection has of its transport. */
export interface ConnectionHost extends CommandHost {
  readonly maxMessageBytes: number;
  readonly publishTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Has the socket read into the receiver; `serve`: that may have notices. */
  wireOf(socket: Socket, receiver: RtmpReceiver, serve: () => void): Wire;
}

/** So that a client can read what it was told last: unread bytes of its own would reset the connection. */
const LINGER_MS = 2000;
const VERSION = 3;
/** An acknowledgement waits for a moment in which nothing comes. The kernel of a client that has sent
 *  everything and gone resets the connection when something comes for it, with what is not sent yet. */
const ACKNOWLEDGE_AFTER_MS = 10;

/** One TCP or TLS connection: handshake, acknowledgements and time-outs. Its bytes are parsed by native
 *  code, which stops for everything that is not media. */
export class RtmpConnection {
  readonly socket: Socket;
  readonly session: CommandSession;
  readonly #host: ConnectionHost;
  readonly #receiver: RtmpReceiver;
  readonly #wire: Wire;
  #shaken = false;
  /** Bytes that had come when it was last looked at. */
  #seenBytes = 0;
  #heardAt = performance.now();
  #pinged = false;
  #waiting = false;
  #serving = false;
  #ending = false;
  #publishTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #acknowledgeTimer: NodeJS.Timeout | undefined;

  constructor(host: ConnectionHost, socket: Socket) {
    this.#host = host;
    this.socket = socket;
    this.#receiver = newRtmpReceiver(host.maxMessageBytes, WINDOW_BYTES, host.multitrack);
    this.session = new CommandSession(host, this);
    socket.setNoDelay(true);
    // Whatever it is, the socket closes.
    socket.on('error', () => {});
    socket.once('close', () => this.#closed());
    this.#wire = host.wireOf(socket, this.#receiver, () => this.#serve());
    this.expectPublish();
  }

  /** Whoever does not begin to publish in time has to go. */
  expectPublish(): void {
    clearTimeout(this.#publishTimer);
    this.#publishTimer = setTimeout(() => {
      this.fail(new UploadResponseError('RTMP_TIMEOUT', 'it does not publish'));
    }, this.#host.publishTimeoutMs);
  }

  publishing(streamId: number, after: RtmpContinuation | undefined): void {
    clearTimeout(this.#publishTimer);
    this.#receiver.publish(streamId, after);
  }

  unpublished(): void {
    this.#receiver.unpublish();
  }

  lend(lane: LentWriter): void {
    this.#receiver.lend(lane.native);
  }

  media(): RtmpMedia {
    return this.#receiver.media();
  }

  send(bytes: Buffer): void {
    if (!this.#ending && !this.socket.destroyed) this.#wire.send(bytes);
  }

  /** Closes it once the client has what was sent. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    clearTimeout(this.#publishTimer);
    this.#wire.end();
    this.#lingerTimer = setTimeout(() => this.socket.destroy(), LINGER_MS);
  }

  /** Closes it because of something that the client did. */
  fail(error: UploadResponseError): void {
    if (this.#ending || this.socket.destroyed) return;
    if (!this.session.end(error)) this.#host.refused(error);
    this.end();
  }

  pause(): void {
    this.#waiting = true;
  }

  resume(): void {
    this.#heardAt = performance.now();
    this.#pinged = false;
    if (!this.#waiting) return;
    this.#waiting = false;
    if (this.#serving || this.#ending) return;
    this.#wire.goOn();
    this.#serve();
  }

  /** Looks after a client of which nothing comes. */
  beat(now: number): void {
    if (this.#ending || this.#waiting) return;
    const { received } = this.#receiver;
    if (received !== this.#seenBytes) {
      this.#seenBytes = received;
      this.#heardAt = now;
      this.#pinged = false;
      return;
    }
    const silentMs = now - this.#heardAt;
    const { idleTimeoutMs } = this.#host;
    // After a time in which this process stood still, too, a client is asked before it is cut off.
    if (this.#shaken && !this.#pinged) {
      if (silentMs <= idleTimeoutMs / 2) return;
      this.#pinged = true;
      this.send(ping(now));
    } else if (silentMs > idleTimeoutMs) {
      this.fail(new UploadResponseError('RTMP_TIMEOUT', 'nothing comes'));
    }
  }

  /** Takes what the receiver has to tell. */
  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    for (;;) {
      const notice = this.#receiver.next();
      if (!notice) break;
      try {
        this.#take(notice);
      } catch (error) {
        this.fail(fromNative(error));
      }
      if (STOPS.has(notice.kind) && !this.#waiting && !this.#ending) this.#wire.goOn();
    }
    this.#serving = false;
  }

  #take(notice: RtmpNotice): void {
    switch (notice.kind) {
      case 'hello':
        this.send(answerHandshake(VERSION, notice.payload));
        break;
      case 'shaken':
        this.#shaken = true;
        this.send(greeting());
        break;
      case 'message':
        this.#takeMessage(notice);
        break;
      case 'unit':
        this.session.begin(this.#receiver.media());
        break;
      case 'blocked':
        this.#waiting = !this.session.makeRoom();
        break;
      case 'acknowledge':
        this.#acknowledgeSoon();
        break;
      case 'failed':
        this.fail(errorOf(-notice.number, notice.detail || undefined));
        break;
      case 'end':
        this.socket.destroy();
        break;
    }
  }

  #takeMessage(message: { type: number; streamId: number; payload: Buffer }): void {
    if (message.type !== MessageType.userControl) {
      this.session.take(message);
      return;
    }
    const answer = pong(message.payload);
    if (answer) this.send(answer);
  }

  #acknowledgeSoon(): void {
    const { received } = this.#receiver;
    this.#acknowledgeTimer = setTimeout(() => {
      if (this.#waiting || this.#receiver.received !== received) {
        this.#acknowledgeSoon();
        return;
      }
      this.send(control(MessageType.acknowledgement, received));
      this.#receiver.acknowledged(received);
    }, ACKNOWLEDGE_AFTER_MS);
  }

  #closed(): void {
    clearTimeout(this.#publishTimer);
    clearTimeout(this.#lingerTimer);
    clearTimeout(this.#acknowledgeTimer);
    this.session.gone();
    this.#wire.closed();
  }
}

/** Notices after which the receiver stands until it is told to go on. */
const STOPS = new Set(['hello', 'shaken', 'message', 'unit', 'blocked']);
