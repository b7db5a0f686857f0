import type { Admission, Caller, Permit } from '../../admission/index.js';
import { admitThen } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import {
  type ErrorAnswer,
  endToEndHeaders,
  errorAnswer,
  type Ingress,
  type IngressExchange,
  type ResponseSink,
} from '../../ingress/index.js';
import type { Header, RequestHead } from '../../protocols/hpks/index.js';
import { ChannelWriter } from './channel-writer.js';
import type { WebRtcConfig } from './config.js';
import { Credit } from './credit.js';
import type { RtcChannel } from './engine.js';
import {
  endMessage,
  errorMessage,
  headMessage,
  type OpenMessage,
  readMessage,
  windowMessage,
} from './messages.js';

/** What a channel has of its session. */
export interface ChannelHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly maxHeadBytes: number;
  readonly config: WebRtcConfig;
  readonly caller: Caller;
  readonly head: RequestHead;
  readonly draining: boolean;
  /** The permit of the session, for whoever asks first. */
  takePermit(): Permit | undefined;
  refused(error: UploadResponseError): void;
  requested(): void;
  /** Nothing of the channel is under way any more. Called once. */
  channelOver(channel: UploadChannel): void;
}

/** `content-length` is for workers what `length` is in the message. */
const PLACED = new Set(['host', 'content-length']);
const HIGH_THROUGHPUT_WINDOWS = 4;
/** What keeping a message costs beside its bytes. */
const MESSAGE_COST_BYTES = 256;

/** A data channel: one request, and its answer. */
export class UploadChannel implements ResponseSink {
  readonly #host: ChannelHost;
  readonly #channel: RtcChannel;
  readonly #writer: ChannelWriter;
  readonly #credit: Credit;
  #exchange: IngressExchange | undefined;
  #permit: Permit | undefined;
  #stopWaiting: (() => void) | undefined;
  /** Messages that came before the permit. */
  #early: (string | Buffer)[] | undefined = [];
  #earlyBytes = 0;
  #contentLength: number | undefined;
  #receivedBytes = 0;
  #requestEnded = false;
  #done = false;
  #over = false;
  #trailers: readonly Header[] | undefined;
  /** One at a time: the request must come, then the client must close. */
  #timer: NodeJS.Timeout | undefined;

  constructor(host: ChannelHost, channel: RtcChannel) {
    this.#host = host;
    this.#channel = channel;
    this.#writer = new ChannelWriter(channel, () => this.#exchange?.sinkReady());
    const { windowBytes, channelBudgetBytes, highThroughput } = host.config;
    const factor = highThroughput ? HIGH_THROUGHPUT_WINDOWS : 1;
    this.#credit = new Credit(windowBytes * factor, channelBudgetBytes * factor, (bytes) => {
      if (!this.#done) this.#writer.text(windowMessage(bytes));
    });
  }

  /** Asks for leave. Until there is an answer messages wait. */
  start(): void {
    const granted = (permit: Permit): void => {
      this.#permit = permit;
      this.#timer = setTimeout(
        () => this.#refuse(new UploadResponseError('HEAD_TIMEOUT')),
        this.#host.config.idleTimeoutMs,
      );
      this.#credit.update();
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const message of early) this.#take(message);
    };
    const refused = (error: UploadResponseError): void => {
      this.#early = undefined;
      this.#refuse(error);
    };
    if (this.#host.draining) {
      refused(new UploadResponseError('SHUTTING_DOWN'));
      return;
    }
    const permit = this.#host.takePermit();
    if (permit) granted(permit);
    else {
      const { admission, caller } = this.#host;
      this.#stopWaiting = admitThen(admission, 'publish', caller, granted, refused);
    }
  }

  message(message: string | Buffer): void {
    if (this.#done) return;
    if (!this.#early) {
      this.#take(message);
      return;
    }
    this.#earlyBytes += message.length + MESSAGE_COST_BYTES;
    if (this.#earlyBytes <= this.#host.config.channelBudgetBytes) this.#early.push(message);
    else this.#refuse(new UploadResponseError('BACKLOG_LIMIT', 'before it was admitted'));
  }

  writable(): void {
    this.#writer.writable();
  }

  /** The channel is closed, or its connection. */
  closed(code: 'CLIENT_GONE' | 'SHUTTING_DOWN' = 'CLIENT_GONE'): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#stopWaiting?.();
    this.#done = true;
    this.#writer.stop();
    this.#exchange?.abort(code);
    this.#permit?.release();
    this.#host.channelOver(this);
  }

  head(status: number, headers: readonly Header[]): void {
    this.#writer.text(headMessage(status, headers));
  }

  body(view: Uint8Array, taken: () => void): boolean {
    return this.#writer.bytes(view, taken);
  }

  trailers(fields: readonly Header[]): void {
    this.#trailers = fields;
  }

  end(): void {
    this.#writer.text(endMessage(this.#trailers));
    this.#finish();
  }

  fail(_error: UploadResponseError, answer: ErrorAnswer): void {
    this.#writer.drop();
    this.#writer.text(errorMessage(answer));
    this.#finish();
  }

  #take(message: string | Buffer): void {
    if (this.#done) return;
    try {
      if (typeof message === 'string') this.#text(message);
      else if (message.length === 0) this.#endBody([]);
      else this.#bytes(message);
    } catch (thrown) {
      this.#failWith(fromNative(thrown));
    }
  }

  #text(text: string): void {
    const message = readMessage(text, this.#host.maxHeadBytes);
    if (message.type === 'open') {
      if (this.#exchange) throw new UploadResponseError('BAD_MESSAGE', 'the request is open');
      this.#open(message);
    } else if (message.type === 'end') this.#endBody(message.trailers);
    else this.#failWith(new UploadResponseError('CLIENT_GONE', 'it has given the request up'));
  }

  #bytes(bytes: Buffer): void {
    const { maxMessageBytes } = this.#host.config;
    if (bytes.length > maxMessageBytes) {
      throw new UploadResponseError('MESSAGE_TOO_LARGE', `${maxMessageBytes} bytes are allowed`);
    }
    if (this.#requestEnded) throw new UploadResponseError('BAD_MESSAGE', 'the request has ended');
    if (!this.#exchange) this.#open();
    this.#receivedBytes += bytes.length;
    if (this.#receivedBytes > (this.#contentLength ?? Number.POSITIVE_INFINITY)) {
      throw new UploadResponseError('BAD_REQUEST', 'it is longer than its declared length');
    }
    this.#credit.received(bytes.length);
    this.#exchange?.writeBody(bytes);
    this.#credit.update();
  }

  #endBody(trailers: readonly Header[]): void {
    if (this.#requestEnded) throw new UploadResponseError('BAD_MESSAGE', 'the request has ended');
    if (!this.#exchange) this.#open();
    this.#requestEnded = true;
    if (this.#receivedBytes < (this.#contentLength ?? 0)) {
      throw new UploadResponseError('BAD_REQUEST', 'it is shorter than its declared length');
    }
    this.#exchange?.endBody(trailers);
  }

  #open({ headers, length }: Pick<OpenMessage, 'headers' | 'length'> = { headers: [] }): void {
    const { name, ingress, pool, head } = this.#host;
    clearTimeout(this.#timer);
    this.#host.requested();
    this.#contentLength = length;
    const label: Header = ['x-webrtc-channel', encodeURIComponent(this.#channel.getLabel())];
    const own = endToEndHeaders(headers).filter(
      ([field]) => !PLACED.has(field) && !field.startsWith('x-webrtc-'),
    );
    const size: Header[] = length === undefined ? [] : [['content-length', String(length)]];
    const permit = this.#permit;
    this.#permit = undefined;
    this.#exchange = ingress.open({
      transport: name,
      pool,
      head: { ...head, headers: [...head.headers, label, ...own, ...size] },
      contentLength: length,
      permit,
      sink: this,
      givesChunksAway: true,
      backlog: this.#credit,
      onResume: () => this.#credit.update(),
    });
  }

  #failWith(error: UploadResponseError): void {
    if (this.#exchange && !this.#exchange.over) this.#exchange.failWith(error);
    else this.#refuse(error);
  }

  #refuse(error: UploadResponseError): void {
    if (this.#done) return;
    this.#host.refused(error);
    this.fail(error, errorAnswer(error));
  }

  /** The client closes when it has read what was sent; later it is closed. */
  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#early = undefined;
    this.#permit?.release();
    this.#permit = undefined;
    clearTimeout(this.#timer);
    this.#closeLater();
  }

  #closeLater(before = Number.POSITIVE_INFINITY): void {
    this.#timer = setTimeout(() => {
      const { waitingBytes } = this.#writer;
      // A slow client still takes its answer.
      if (waitingBytes > 0 && waitingBytes < before) return this.#closeLater(waitingBytes);
      this.#channel.close();
      this.closed();
    }, this.#host.config.closeTimeoutMs);
  }
}
