import type { Header } from '../../protocols/hpks/index.js';
import { toNativeFields } from './field-text.js';
import type { NativeServer } from './native-api.js';
import type { NativeConnection } from './native-connection.js';
import { H3Code, type QuicStream, type QuicStreamTaker } from './quic-engine.js';

/** What streams and connections have of their listener. */
export interface NativeHost {
  readonly server: NativeServer;
  /** Sends now, or when the events that are on their way have been dealt with: in order. */
  whenCurrent(command: () => void): void;
  /** False: nothing may be sent in this moment. */
  readonly isCurrent: boolean;
  /** The stream's `writable` is called when there may be room. */
  waitForRoom(stream: NativeStream): void;
  /** The same in the next turn of the event loop. */
  waitForTurn(stream: NativeStream): void;
  /** The connection has no stream any more. */
  idle(connection: NativeConnection): void;
}

const ACCEPTED = 0;
/** Bytes that a stream may send in one turn of the event loop. The engine keeps what a client does not
 *  take, and says so only afterwards; all streams share what it may keep. */
const TURN_BYTES = 64 * 1024;

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
  /** The engine has said that the client takes nothing for now. */
  #blocked = false;
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
    if (this.#blocked) return false;
    if (!this.#host.isCurrent) {
      this.#host.waitForTurn(this);
      return false;
    }
    if (this.#turnBytes >= TURN_BYTES) return false;
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const { status } = this.#host.server.streamSend(this.connection.handle, this.id, data, false);
    if (status !== ACCEPTED) {
      this.#host.waitForRoom(this);
      return false;
    }
    if (this.#turnBytes === 0) this.#host.waitForTurn(this);
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

  blocked(): void {
    this.#blocked = true;
  }

  drained(): void {
    this.#blocked = false;
    this.wake();
  }

  /** There is room, or another turn. */
  wake(): void {
    this.#turnBytes = 0;
    if (!this.#blocked && !this.#over) this.taker.writable();
  }

  /** The end as a frame of its own, tried until there is room for it. */
  readonly #finish = (): void => {
    this.#send((server, conn) => {
      if (server.streamSend(conn, this.id, Buffer.alloc(0), true).status === ACCEPTED) return;
      setImmediate(this.#finish);
    });
  };

  #send(command: (server: NativeServer, handle: number) => void): void {
    this.#host.whenCurrent(() => {
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
