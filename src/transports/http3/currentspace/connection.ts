import { H3Code, type QuicConnection } from '../quic-engine.js';
import type { NativeMetrics } from './native-api.js';
import { SendWindow } from './send-window.js';
import type { NativeHost, NativeStream } from './stream.js';

/** Time in which nothing was sent any more, before what was sent counts as received. */
const QUIET_MS = 50;
/** Packets that asking costs. */
const ASKING_PACKETS = 2;

/** One client, over the engine's native interface. */
export class NativeConnection implements QuicConnection {
  readonly handle: number;
  readonly peer: string;
  readonly #host: NativeHost;
  readonly #streams = new Map<number, NativeStream>();
  /** Something has come of it since the last look. */
  heard = true;
  /** Bytes of requests that were handed on. */
  deliveredBytes = 0;
  readonly window = new SendWindow(() => this.metrics());
  #over = false;
  #finishing = false;
  #onPingAck: (() => void) | undefined;

  constructor(host: NativeHost, handle: number, peer: string) {
    this.#host = host;
    this.handle = handle;
    this.peer = peer;
  }

  /** Its number may be another connection's. */
  get over(): boolean {
    return this.#over;
  }

  get streams(): number {
    return this.#streams.size;
  }

  stream(id: number): NativeStream | undefined {
    return this.#streams.get(id);
  }

  enter(stream: NativeStream): void {
    this.#streams.set(stream.id, stream);
  }

  leave(stream: NativeStream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (this.#streams.size === 0 && !this.#over) this.#host.idle(this);
  }

  close(code: number): void {
    this.#host.queue.whenCurrent(() => {
      if (!this.#over) this.#host.server.closeSession(this.handle, code, '');
    });
  }

  /** Ends it with all that it has not taken. */
  cut(): void {
    this.window.close();
    for (const stream of [...this.#streams.values()]) stream.cut();
    this.close(H3Code.excessiveLoad);
  }

  finish(): void {
    if (this.#finishing || this.#over) return;
    this.#finishing = true;
    this.#ask(Number.NEGATIVE_INFINITY);
  }

  /** Keeps a connection alive that waits for a response. */
  ping(): void {
    this.#host.queue.whenCurrent(() => {
      if (!this.#over) this.#host.server.pingSession(this.handle);
    });
  }

  pingAcked(): void {
    this.#onPingAck?.();
  }

  /** It has ended. */
  closed(): void {
    this.#over = true;
    this.#onPingAck = undefined;
    for (const stream of [...this.#streams.values()]) stream.gone();
  }

  /** Whether a ping is answered and nothing was sent meanwhile: the engine does not say what a client
   *  has received, but it would send again what is lost. */
  #ask(sentBefore: number): void {
    this.#host.queue.whenCurrent(() => {
      if (this.#over) return;
      const sent = this.metrics()?.packetsOut;
      if (sent === undefined) return;
      if (sent - sentBefore <= ASKING_PACKETS) {
        this.close(H3Code.noError);
        return;
      }
      this.#onPingAck = () => {
        this.#onPingAck = undefined;
        setTimeout(() => this.#ask(sent), QUIET_MS);
      };
      this.#host.server.pingSession(this.handle);
    });
  }

  /** Undefined: it is ending, and its end will be told. */
  metrics(): NativeMetrics | undefined {
    try {
      return this.#over ? undefined : this.#host.server.getSessionMetrics(this.handle);
    } catch {
      return undefined;
    }
  }
}
