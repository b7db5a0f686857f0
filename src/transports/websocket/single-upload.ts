import type { Permit } from '../../admission/index.js';
import { UploadResponseError } from '../../errors/index.js';
import type { ErrorAnswer } from '../../ingress/index.js';
import type { Channel } from './channel.js';
import { CloseCode, closeCodeOf, closeReasonOf } from './close-codes.js';
import type { Conversation, ConversationHost } from './conversation.js';
import type { Handshake } from './handshake.js';
import { type ExchangeOwner, WebSocketExchange } from './websocket-exchange.js';

/** A connection that is one request and its answer: the modes `body` and `head`. */
export class SingleUpload implements Conversation, ExchangeOwner {
  readonly #host: ConversationHost;
  readonly #exchange: WebSocketExchange;
  #channel: Channel | undefined;
  #closed = false;
  #over = false;

  /** Opens the stream. The permit is the ingress's from here on. @throws what `Ingress.open` throws */
  constructor(host: ConversationHost, handshake: Handshake, permit: Permit) {
    this.#host = host;
    this.#exchange = new WebSocketExchange(host, handshake.mode, this);
    this.#exchange.open(handshake, permit);
  }

  attach(channel: Channel): void {
    this.#channel = channel;
    this.#exchange.channel = channel;
  }

  abandon(): void {
    this.#exchange.abort('CLIENT_GONE');
  }

  drain(): void {}

  cut(): void {
    this.#channel?.reset();
    this.#exchange.abort('SHUTTING_DOWN');
    this.#settle();
  }

  message(data: Buffer, isBinary: boolean): void {
    const { done, requestEnded } = this.#exchange;
    if (done) return;
    if (!isBinary) {
      this.#exchange.failWith(new UploadResponseError('TEXT_REFUSED'));
    } else if (data.length === 0) {
      this.#exchange.endBody();
    } else if (requestEnded) {
      const detail = 'the request has ended';
      this.#exchange.failWith(new UploadResponseError('BAD_MESSAGE', detail));
    } else {
      this.#exchange.writeBody(data);
    }
  }

  ended(): void {
    this.#exchange.endBody();
  }

  broken(error: UploadResponseError): void {
    if (this.#exchange.done) this.#finish(error.httpStatus, error);
    else this.#exchange.failWith(error);
  }

  gone(): void {
    // After a normal close the request is whole: it is worked on, whoever hears of it.
    if (!this.#channel?.clientEnded) this.#exchange.abort('CLIENT_GONE');
  }

  ready(): void {
    this.#exchange.sinkReady();
  }

  closed(): void {
    this.#closed = true;
    this.#settle();
  }

  answered(): void {
    this.#channel?.finish(CloseCode.normal, '');
    this.#settle();
  }

  failed(error: UploadResponseError, answer: ErrorAnswer): void {
    this.#finish(answer.status, error);
    this.#settle();
  }

  #finish(status: number, error: UploadResponseError): void {
    this.#channel?.finish(closeCodeOf(status), closeReasonOf(status, error));
  }

  #settle(): void {
    if (this.#over || !this.#closed || !this.#exchange.done) return;
    this.#over = true;
    this.#host.over(this);
  }
}
