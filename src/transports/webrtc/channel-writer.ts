import type { RtcChannel } from './engine.js';

/** Bytes that may wait in the engine, so that the next slot is ready when the network has room. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Every client takes messages of this size. */
const MESSAGE_BYTES = 64 * 1024;

/** Sends an answer over a data channel, no faster than the client takes it. */
export class ChannelWriter {
  readonly #channel: RtcChannel;
  readonly #ready: () => void;
  /** What could not be sent yet, in its order. */
  #waiting: { readonly view: Uint8Array; readonly taken: () => void } | undefined;
  #stopped = false;

  /** `ready`: it takes bytes again. */
  constructor(channel: RtcChannel, ready: () => void) {
    this.#channel = channel;
    this.#ready = ready;
    channel.setBufferedAmountLowThreshold(MAX_WAITING_BYTES / 2);
  }

  text(text: string): void {
    this.#try(() => this.#channel.sendMessage(text));
  }

  /** False: no more until `ready`; the view is in use until `taken`. */
  bytes(view: Uint8Array, taken: () => void): boolean {
    if (this.#stopped) return false;
    if (this.#isFull()) {
      this.#waiting = { view, taken };
      return false;
    }
    this.#send(view);
    process.nextTick(taken);
    return true;
  }

  /** The engine may have room. */
  writable(): void {
    if (this.#stopped || this.#isFull()) return;
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    this.#send(waiting.view);
    waiting.taken();
    this.#ready();
  }

  /** Bytes that the network has not taken. */
  get waitingBytes(): number {
    return this.#channel.isOpen() ? this.#channel.bufferedAmount() : 0;
  }

  /** Views are not in use any more. */
  drop(): void {
    this.#waiting = undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.drop();
  }

  #isFull(): boolean {
    return this.waitingBytes >= MAX_WAITING_BYTES;
  }

  #send(view: Uint8Array): void {
    const size = Math.min(MESSAGE_BYTES, this.#channel.maxMessageSize() || MESSAGE_BYTES);
    for (let at = 0; at < view.length; at += size) {
      const part = view.subarray(at, at + size);
      if (!this.#try(() => this.#channel.sendMessageBinary(part))) return;
    }
  }

  /** A channel that is closed meanwhile says so itself. */
  #try(send: () => boolean): boolean {
    if (this.#stopped || !this.#channel.isOpen()) return false;
    try {
      send();
      return true;
    } catch {
      return false;
    }
  }
}
