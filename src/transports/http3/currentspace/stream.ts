import type { Header } from '../../../protocols/hpks/index.js';
import { H3Code, type QuicStream, type QuicStreamTaker } from '../quic-engine.js';
import type { NativeConnection } from './connection.js';
import { toNativeFields } from './field-text.js';
import type { NativeHttp3, NativeServer } from './native-api.js';
import type { SendPressure } from './send-pressure.js';
import type { SendQueue } from './send-queue.js';
import { waitForTrailers } from './trailer-wait.js';

/** What streams and connections have of their listener. */
export interface NativeHost {
  readonly native: NativeHttp3;
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
/** Between two bytes that are sent to a client that takes nothing. */
const PROBE_MS = 1000;
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
  /** Bytes that were sent of those that are sent next. */
  #ahead = 0;
  #probeAt = 0;
  /** Bytes of it have had to wait in the engine. */
  #blocked = false;
  #requestEnded = false;
  /** Nothing is sent any more but the end. */
  #ending = false;
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
    if (this.#over || this.#ending) return true;
    const { pressure, queue, server } = this.#host;
    if (!queue.isCurrent) {
      queue.waitForTurn(this);
      return false;
    }
    if (this.#turnBytes >= TURN_BYTES) return false;
    const { window, handle } = this.connection;
    const now = performance.now();
    const hasRoom = window.hasRoom(now);
    if (!hasRoom && !this.#mayProbe(now)) {
      pressure.waitForWindow(this);
      return false;
    }
    const length = hasRoom ? bytes.length - this.#ahead : 1;
    const data = Buffer.from(bytes.buffer, bytes.byteOffset + this.#ahead, length);
    if (server.streamSend(handle, this.id, data, false).status !== ACCEPTED) {
      pressure.waitForRoom(this);
      return false;
    }
    window.admitted(length);
    this.#ahead += length;
    if (this.#ahead < bytes.length) {
      pressure.waitForWindow(this);
      return false;
    }
    this.#ahead = 0;
    if (this.#turnBytes === 0) queue.waitForTurn(this);
    this.#turnBytes += length;
    return true;
  }

  /** The engine does not say that a client wants no more, but refuses what is sent then: a byte tells. */
  #mayProbe(now: number): boolean {
    if (this.connection.window.stalledMs(now) < PROBE_MS || now < this.#probeAt) return false;
    this.#probeAt = now + PROBE_MS;
    return true;
  }

  end(trailers: readonly Header[] = []): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    if (trailers.length > 0) this.#finishWith(trailers);
    else this.#finish();
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

  /** The engine keeps bytes of it. */
  blocked(): void {
    this.#blocked = true;
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

  #finishWith(trailers: readonly Header[]): void {
    const native = toNativeFields(trailers);
    waitForTrailers(
      this.#host.native,
      () => this.#blocked,
      (maySend) => {
        if (this.#over) return;
        if (!maySend) {
          this.#finish();
          return;
        }
        this.#send((server, conn) => {
          server.sendTrailers(conn, this.id, native);
          this.#finished();
        });
      },
    );
  }

  /** Sends the end as a frame of its own, when there is room for it. */
  readonly #finish = (): void => {
    this.#send((server, conn) => {
      if (this.#over) return;
      const { status } = server.streamSend(conn, this.id, Buffer.alloc(0), true);
      if (status === ACCEPTED) this.#finished();
      else setTimeout(this.#finish, RETRY_MS);
    });
  };

  #finished(): void {
    this.#responseEnded = true;
    this.#leaveIfDone();
  }

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
