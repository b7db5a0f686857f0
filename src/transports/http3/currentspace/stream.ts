import type { Header } from '../../../protocols/hpks/index.js';
import { H3Code, type QuicStream, type QuicStreamTaker } from '../quic-engine.js';
import type { NativeConnection } from './connection.js';
import { toNativeFields } from './field-text.js';
import type { NativeServer } from './native-api.js';
import type { SendPressure } from './send-pressure.js';
import type { SendQueue } from './send-queue.js';

/** What streams and connections have of their listener. */
export interface NativeHost {
  readonly server: NativeServer;
  readonly queue: SendQueue;
  /** The stream is woken when the engine, or its connection's window, may have room. */
  readonly pressure: SendPressure;
  /** The connection has no stream any more. */
  idle(connection: NativeConnection): void;
}

const ACCEPTED = 0;
/** Bytes that a stream may send in one turn of the event loop, so that the others have theirs. */
const TURN_BYTES = 256 * 1024;
/** Until the end is tried again for which there was no room. */
const RETRY_MS = 5;

const NOBODY: QuicStreamTaker = {
  data: () => {},
  trailers: () => {},
  end: () => {},
  gone: () => {},
  writable: () => {},
};

/** One request of a connection, over the engine's native interface. */
export class NativeStream implements QuicStream {
  taker: QuicStreamTaker = NOBODY;
  readonly connection: NativeConnection;
  readonly id: number;
  readonly #host: NativeHost;
  #turnBytes = 0;
  #requestEnded = false;
  #responseEnded = false;
  #over = false;

  constructor(host: NativeHost, connection: NativeConnection, id: number) {
    this.#host = host;
    this.connection = connection;
    this.id = id;
  }

  head(fields: readonly Header[]): void {
    const native = toNativeFields(fields);
    this.#send((server, conn) => server.sendResponseHeaders(conn, this.id, native, false));
  }

  send(bytes: Uint8Array): boolean {
    if (this.#over || this.#responseEnded) return true;
    const { pressure, queue, server } = this.#host;
    if (!queue.isCurrent) {
      queue.waitForTurn(this);
      return false;
    }
    if (this.#turnBytes >= TURN_BYTES) return false;
    const { window, handle } = this.connection;
    if (!window.hasRoom(performance.now())) {
      pressure.waitForWindow(this);
      return false;
    }
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (server.streamSend(handle, this.id, data, false).status !== ACCEPTED) {
      pressure.waitForRoom(this);
      return false;
    }
    window.admitted(bytes.length);
    if (this.#turnBytes === 0) queue.waitForTurn(this);
    this.#turnBytes += bytes.length;
    return true;
  }

  end(trailers: readonly Header[] = []): void {
    if (this.#over || this.#responseEnded) return;
    this.#responseEnded = true;
    if (trailers.length > 0) {
      const native = toNativeFields(trailers);
      this.#send((server, conn) => server.sendTrailers(conn, this.id, native));
    } else {
      this.#finish();
    }
    this.#leaveIfDone();
  }

  reset(code: number): void {
    if (this.#over) return;
    this.#send((server, conn) => server.streamClose(conn, this.id, code));
    this.#leave();
  }

  stopReading(): void {
    this.reset(H3Code.noError);
  }

  /** The request's last byte has come. */
  requestEnded(): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    this.taker.end();
    this.#leaveIfDone();
  }

  /** The client has reset it, or is gone. */
  gone(): void {
    const { taker } = this;
    this.#leave();
    taker.gone();
  }

  /** What was to be sent of it is lost. */
  failed(): void {
    const { taker } = this;
    this.reset(H3Code.internalError);
    taker.gone();
  }

  /** Nobody is to wait for its client any more. */
  cut(): void {
    const { taker } = this;
    this.reset(H3Code.excessiveLoad);
    taker.gone();
  }

  /** There may be room, or it is another turn. */
  wake(): void {
    this.#turnBytes = 0;
    if (!this.#over) this.taker.writable();
  }

  /** The end as a frame of its own, tried until there is room for it. */
  readonly #finish = (): void => {
    this.#send((server, conn) => {
      if (server.streamSend(conn, this.id, Buffer.alloc(0), true).status === ACCEPTED) return;
      setTimeout(this.#finish, RETRY_MS);
    });
  };

  #send(command: (server: NativeServer, handle: number) => void): void {
    this.#host.queue.whenCurrent(() => {
      if (!this.connection.over) command(this.#host.server, this.connection.handle);
    });
  }

  #leaveIfDone(): void {
    if (this.#requestEnded && this.#responseEnded) this.#leave();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.taker = NOBODY;
    this.connection.leave(this);
  }
}
