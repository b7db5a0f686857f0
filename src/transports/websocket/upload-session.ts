import { type Admission, admitThen, type Caller, type Permit } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import type { Channel } from './channel.js';
import { CloseCode, closeCodeOf, closeReasonOf } from './close-codes.js';
import type { Conversation, ConversationHost } from './conversation.js';
import type { Handshake } from './handshake.js';
import { IdleTimer } from './idle-timer.js';
import { type ClientMessage, type OpenMessage, readMessage } from './messages.js';
import { callerOf, requestOf } from './open-request.js';
import {
  type ExchangeOwner,
  WebSocketExchange,
  type WebSocketRequest,
} from './websocket-exchange.js';

/** What a session has of its transport. */
export interface SessionHost extends ConversationHost {
  readonly admission: Admission;
  readonly idleTimeoutMs: number;
  /** Largest text message: it holds a head, or trailers. */
  readonly maxHeadBytes: number;
  /** True for paths whose requests become streams. */
  readonly isUploadPath: (path: string) => boolean;
  /** Counts a request. */
  requested(): void;
}

/**
 * A connection for one request after the other: the mode `exchanges`. A request that comes before the
 * last answer is complete waits, and nothing is read meanwhile.
 */
export class UploadSession implements Conversation, ExchangeOwner {
  readonly #host: SessionHost;
  readonly #handshake: Handshake;
  /** Of the handshake, for the first request. */
  #permit: Permit | undefined;
  #channel: Channel | undefined;
  /** Until both its request and its answer have ended. */
  #exchange: WebSocketExchange | undefined;
  /** The request waits for its permit. */
  #admitting = false;
  #stopAdmitting: (() => void) | undefined;
  /** What was read already and has to wait. */
  #waiting: (ClientMessage | Buffer)[] = [];
  /** Nothing is read because something waits. */
  #blocked = false;
  #working = false;
  #draining = false;
  #closed = false;
  #over = false;
  readonly #idle: IdleTimer;

  constructor(host: SessionHost, handshake: Handshake, permit: Permit) {
    this.#host = host;
    this.#handshake = handshake;
    this.#permit = permit;
    this.#idle = new IdleTimer(host.idleTimeoutMs, () => this.#idleTooLong());
  }

  attach(channel: Channel): void {
    this.#channel = channel;
    this.#work();
  }

  abandon(): void {
    this.#leave();
  }

  drain(): void {
    this.#draining = true;
    this.#work();
  }

  cut(): void {
    this.#leave();
    this.#channel?.reset();
    this.#exchange?.abort('SHUTTING_DOWN');
    this.#settle();
  }

  message(data: Buffer, isBinary: boolean): void {
    if (this.#channel?.finishing) return;
    try {
      this.#waiting.push(isBinary ? data : readMessage(data, this.#host.maxHeadBytes));
      this.#work();
    } catch (thrown) {
      this.#fail(fromNative(thrown));
    }
  }

  ended(): void {
    this.#work();
  }

  broken(error: UploadResponseError): void {
    this.#fail(error);
  }

  gone(): void {
    this.#leave();
    const whole = this.#channel?.clientEnded && this.#exchange?.requestEnded;
    if (!whole) this.#exchange?.abort('CLIENT_GONE');
  }

  ready(): void {
    this.#exchange?.sinkReady();
    this.#work();
  }

  closed(): void {
    this.#closed = true;
    this.#settle();
  }

  answered(): void {
    this.#work();
    this.#settle();
  }

  failed(): void {
    this.answered();
  }

  /** Takes what waits, as far as it can be taken now. */
  #work(): void {
    // What is taken may end an exchange, and come back here.
    if (this.#working) return;
    this.#working = true;
    while (!this.#isAtRest()) this.#takeNext();
    this.#working = false;
    // While no answer is under way the client has a while for its next request, or the end of its last.
    const isOpen = this.#channel?.finishing === false;
    this.#idle.set(isOpen && (!this.#exchange || this.#exchange.done));
  }

  #isAtRest(): boolean {
    const channel = this.#channel;
    if (!channel || channel.finishing) return true;
    if (this.#exchange?.done && this.#exchange.requestEnded) this.#exchange = undefined;
    const [next] = this.#waiting;
    if (!this.#exchange && this.#draining) {
      channel.finish(CloseCode.goingAway, 'the server is shutting down');
    } else if (!next && channel.clientEnded && !this.#admitting) {
      // Only an end message makes a request whole.
      if (this.#exchange && !this.#exchange.requestEnded) this.#exchange.cancel();
      if (!this.#exchange || this.#exchange.done) channel.finish(CloseCode.normal, '');
    } else if (next && this.#mustWait(next)) {
      this.#blocked = true;
      channel.pause();
    } else if (next) {
      return false;
    }
    return true;
  }

  #mustWait(next: ClientMessage | Buffer): boolean {
    const open = !Buffer.isBuffer(next) && next.type === 'open';
    const unread = this.#channel?.congested === true;
    return this.#admitting || (open && (unread || this.#exchange?.requestEnded === true));
  }

  #takeNext(): void {
    const next = this.#waiting.shift() as ClientMessage | Buffer;
    if (this.#blocked) {
      this.#blocked = false;
      this.#channel?.resume();
    }
    const exchange = this.#exchange;
    const reading = exchange && !exchange.requestEnded ? exchange : undefined;
    if (!Buffer.isBuffer(next) && next.type === 'open') {
      if (reading) this.#fail(misplaced('the request before has not ended'));
      else this.#open(next);
    } else if (!Buffer.isBuffer(next) && next.type === 'abort') {
      exchange?.cancel();
    } else if (!reading) {
      this.#fail(misplaced('no request is open'));
    } else if (!Buffer.isBuffer(next)) {
      reading.endBody(next.trailers);
    } else if (next.length === 0) {
      reading.endBody();
    } else {
      reading.writeBody(next);
    }
  }

  #open(message: OpenMessage): void {
    this.#host.requested();
    const exchange = new WebSocketExchange(this.#host, 'exchanges', this, this.#channel);
    this.#exchange = exchange;
    const first = this.#permit;
    this.#permit = undefined;
    try {
      const request = requestOf(message, this.#handshake.head, this.#host.isUploadPath);
      if (first && message.path === undefined) exchange.open(request, first);
      else this.#admit(exchange, request, callerOf(message, this.#handshake.caller));
    } catch (thrown) {
      exchange.refuse(fromNative(thrown));
    }
    if (message.path !== undefined) first?.release();
  }

  #admit(exchange: WebSocketExchange, request: WebSocketRequest, caller: Caller): void {
    this.#admitting = true;
    const stop = admitThen(
      this.#host.admission,
      'publish',
      caller,
      (permit) => {
        this.#admitting = false;
        exchange.open(request, permit);
        this.#work();
      },
      (error) => {
        this.#admitting = false;
        exchange.refuse(error);
        this.#work();
      },
    );
    this.#stopAdmitting = stop;
  }

  /** Closes for what the client must not do. */
  #fail(error: UploadResponseError): void {
    this.#waiting = [];
    this.#stopAdmitting?.();
    this.#exchange?.failWith(error);
    const { httpStatus } = error;
    this.#channel?.finish(closeCodeOf(httpStatus), closeReasonOf(httpStatus, error));
  }

  #idleTooLong(): void {
    if (this.#exchange) {
      this.#fail(new UploadResponseError('UPLOAD_TOO_SLOW', 'it was answered long ago'));
    } else {
      this.#channel?.finish(CloseCode.goingAway, 'idle');
    }
  }

  #leave(): void {
    this.#idle.set(false);
    this.#waiting = [];
    this.#stopAdmitting?.();
    this.#permit?.release();
    this.#permit = undefined;
  }

  #settle(): void {
    if (this.#over || !this.#closed || (this.#exchange && !this.#exchange.done)) return;
    this.#over = true;
    this.#host.over(this);
  }
}

const misplaced = (detail: string) => new UploadResponseError('BAD_MESSAGE', detail);
