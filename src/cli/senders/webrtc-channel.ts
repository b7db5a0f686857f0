import { EXIT_CODES } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { refusal } from './sender.js';
import type { RtcChannel } from './webrtc-engine.js';

/** Bytes that the engine may hold, so that the network always has some. */
const BUFFERED_BYTES = 2 ** 20;

/** A text message of the server. */
export interface ChannelMessage {
  readonly type: string;
  readonly status: number;
  readonly headers?: readonly [string, string][];
  readonly bytes?: number;
  readonly error?: string;
  readonly message?: string;
}

/** One upload on its data channel: the body under the server's window, the answer as it comes. */
export class UploadChannel {
  readonly opened: Promise<void>;
  readonly #channel: RtcChannel;
  readonly #parts: Buffer[] = [];
  #head: ChannelMessage | undefined;
  #window = 0;
  #sent = 0;
  #ended = false;
  #error: unknown;
  #wakes = new Set<() => void>();

  constructor(channel: RtcChannel, signal: AbortSignal) {
    this.#channel = channel;
    channel.setBufferedAmountLowThreshold(BUFFERED_BYTES / 2);
    channel.onBufferedAmountLow(() => this.#wake());
    channel.onMessage((message) => this.#take(message));
    const lost = new CliError('the connection broke off', EXIT_CODES.brokenOff.code);
    channel.onClosed(() => this.fail(lost));
    const interrupted = new CliError('interrupted', EXIT_CODES.interrupted.code);
    signal.addEventListener('abort', () => this.fail(interrupted), { once: true });
    let open = false;
    channel.onOpen(() => {
      open = true;
      this.#wake();
    });
    this.opened = this.#until(() => open);
    this.opened.catch(() => {});
  }

  say(message: object): void {
    if (!this.#ended && !this.#error) this.#channel.sendMessage(JSON.stringify(message));
  }

  /** False: the answer is over, nothing more is wanted. */
  async send(bytes: Uint8Array): Promise<boolean> {
    const hasRoom = () =>
      this.#sent + bytes.length <= this.#window && this.#channel.bufferedAmount() <= BUFFERED_BYTES;
    await this.#until(() => this.#ended || hasRoom());
    if (this.#ended) return false;
    this.#channel.sendMessageBinary(bytes);
    this.#sent += bytes.length;
    return true;
  }

  /** The head of the answer. */
  async answer(): Promise<ChannelMessage> {
    await this.#until(() => this.#head !== undefined);
    return this.#head as ChannelMessage;
  }

  async *body(): AsyncGenerator<Buffer> {
    for (;;) {
      await this.#until(() => this.#parts.length > 0 || this.#ended);
      const part = this.#parts.shift();
      if (!part) return;
      yield part;
    }
  }

  /** Ends whatever waits, with this error. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#error ??= error;
    this.#wake();
  }

  close(): void {
    this.#channel.close();
  }

  #take(message: string | Buffer | ArrayBuffer): void {
    if (typeof message !== 'string') {
      this.#parts.push(Buffer.from(message as Buffer));
    } else {
      try {
        this.#read(JSON.parse(message) as ChannelMessage);
      } catch {
        this.fail(new CliError('the server says what cannot be read', EXIT_CODES.failed.code));
      }
    }
    this.#wake();
  }

  #read(message: ChannelMessage): void {
    if (message.type === 'window') this.#window = message.bytes ?? 0;
    else if (message.type === 'head') this.#head = message;
    else if (message.type === 'end') this.#ended = true;
    else if (message.type === 'error') {
      const { status, error, message: text } = message;
      this.fail(refusal(status, `${status} ${error}: ${text}`));
    }
  }

  #wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#error) throw this.#error;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#wakes.delete(wake);
          resolve();
        };
        this.#wakes.add(wake);
      });
    }
  }
}
