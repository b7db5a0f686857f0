import type { Socket } from 'node:net';
import type { RtmpEngine, RtmpReceiver } from '../../ring/index.js';

/** The way of one connection's bytes into its receiver, and back. */
export interface Wire {
  send(bytes: Buffer): void;
  /** The receiver may go on. */
  goOn(): void;
  /** Sends what is left, then the end; what still comes is dropped. */
  end(): void;
  /** The socket has closed. */
  closed(): void;
}

/** Who does not read what little we write does not read at all. */
const MOST_UNSENT_BYTES = 2 ** 20;

/** A socket that is read here: of TLS, or where there is no engine. */
export class SocketWire implements Wire {
  readonly #socket: Socket;
  readonly #receiver: RtmpReceiver;

  /** `serve`: the receiver may have notices. */
  constructor(socket: Socket, receiver: RtmpReceiver, serve: () => void) {
    this.#socket = socket;
    this.#receiver = receiver;
    socket.on('data', (bytes) => {
      if (!receiver.push(bytes)) socket.pause();
      serve();
    });
    // Where it was accepted paused.
    socket.resume();
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MOST_UNSENT_BYTES) this.#socket.destroy();
  }

  goOn(): void {
    this.#receiver.goOn();
    if (this.#receiver.push()) this.#socket.resume();
  }

  end(): void {
    this.#receiver.stop();
    this.#socket.end();
    this.#socket.resume();
  }

  closed(): void {}
}

/** A plain socket that the engine's thread reads. */
export class EngineWire implements Wire {
  readonly #engine: RtmpEngine;
  readonly #receiver: RtmpReceiver;
  readonly #number: number;

  constructor(engine: RtmpEngine, receiver: RtmpReceiver, number: number) {
    this.#engine = engine;
    this.#receiver = receiver;
    this.#number = number;
  }

  send(bytes: Buffer): void {
    this.#engine.send(this.#number, bytes);
  }

  goOn(): void {
    this.#receiver.goOn();
    this.#engine.goOn(this.#number);
  }

  end(): void {
    this.#receiver.stop();
    this.#engine.end(this.#number);
  }

  closed(): void {
    this.#receiver.stop();
    this.#engine.closeSocket(this.#number);
  }
}
