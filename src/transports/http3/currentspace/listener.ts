import { H3Code, type QuicListener, type QuicOptions, type QuicTaker } from '../quic-engine.js';
import { NativeConnection } from './connection.js';
import type { EventCredit } from './event-credit.js';
import { fromNativeFields } from './field-text.js';
import { FloodWatch } from './flood-watch.js';
import type { HandleGuard } from './handle-guard.js';
import {
  type NativeCallback,
  type NativeEvent,
  NativeEventType,
  type NativeHttp3,
  type NativeServer,
} from './native-api.js';
import { SendPressure } from './send-pressure.js';
import { SendQueue } from './send-queue.js';
import { type NativeHost, NativeStream } from './stream.js';
import { UnreadWatch } from './unread-watch.js';

/** The upper bits of a connection's number are its thread's; the lower ones of this are nobody's. */
const THREAD_SHIFT = 20;
const NOBODY = 2 ** THREAD_SHIFT - 1;

/** The engine's threads end when they are told to; a stuck one must not keep the process. */
const SHUTDOWN_MS = 5000;

/** Connections and streams of one native server: hands its events on. */
export class CurrentspaceListener implements QuicListener, NativeHost {
  host = '';
  port = 0;
  readonly native: NativeHttp3;
  readonly server: NativeServer;
  readonly #taker: QuicTaker;
  readonly #credit: EventCredit;
  readonly #guard: HandleGuard;
  readonly #connections = new Map<number, NativeConnection>();
  /** UDP ports of our own clients: nobody is told of them. */
  readonly #ownPorts = new Set<number>();
  readonly #keepAlive: NodeJS.Timeout;
  readonly #stallTimeoutMs: number;
  readonly #unread: UnreadWatch;
  readonly pressure: SendPressure;
  readonly queue: SendQueue;
  readonly #flood = new FloodWatch();
  #closing: Promise<void> | undefined;
  #shutDown: (() => void) | undefined;

  constructor(
    native: NativeHttp3,
    create: (callback: NativeCallback) => NativeServer,
    taker: QuicTaker,
    credit: EventCredit,
    guard: HandleGuard,
    { idleTimeoutMs, maxUnreadBytes, stallTimeoutMs }: QuicOptions,
  ) {
    this.native = native;
    this.#taker = taker;
    this.#credit = credit;
    this.#guard = guard;
    this.server = create((_error, events) => this.#take(events ?? []));
    this.#keepAlive = setInterval(() => this.#watch(), Math.max(1, idleTimeoutMs / 3));
    this.#keepAlive.unref();
    const connections = () => this.#connections.values();
    this.#unread = new UnreadWatch(maxUnreadBytes, connections);
    this.pressure = new SendPressure(connections);
    this.queue = new SendQueue(guard);
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  /** A connection from this port of this machine is our own. */
  expectOwn(port: number): void {
    this.#ownPorts.add(port);
  }

  pause(): void {
    if (this.#closing) return;
    this.#credit.pause(this, this.server);
    this.#unread.start();
  }

  resume(): void {
    this.#unread.stop();
    this.#credit.resume(this, this.server);
    this.#goOn();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  idle(connection: NativeConnection): void {
    this.#taker.idle(connection);
  }

  #take(events: readonly NativeEvent[]): void {
    let drains = 0;
    for (const event of events) {
      try {
        if (event.eventType !== NativeEventType.drain) {
          this.#dispatch(event);
          continue;
        }
        drains++;
        const connection = this.#connections.get(event.connHandle);
        if (connection) this.#flood.drained(connection);
      } catch (error) {
        this.#taker.failed(error as Error);
      }
    }
    if (this.#credit.received(events.length, this.server, drains)) this.#goOn();
  }

  /** Makes the engine's threads look for what they may read; otherwise they do so ten times a second.
   *  Any command does, so it is one that has no effect. */
  #goOn(): void {
    const threads = new Set<number>();
    for (const handle of this.#connections.keys()) threads.add(handle >>> THREAD_SHIFT);
    for (const thread of threads) {
      this.server.streamClose(((thread << THREAD_SHIFT) | NOBODY) >>> 0, 0, 0);
    }
  }

  #dispatch(event: NativeEvent): void {
    switch (event.eventType) {
      case NativeEventType.newSession:
        this.#opened(event);
        break;
      case NativeEventType.sessionClose:
        this.#ended(event.connHandle);
        break;
      case NativeEventType.writeReady:
        this.pressure.relieved();
        break;
      case NativeEventType.shutdownComplete:
        this.#shutDown?.();
        break;
      default:
        this.#connectionEvent(event);
    }
  }

  #connectionEvent(event: NativeEvent): void {
    const { eventType, connHandle, streamId, meta } = event;
    if (eventType === NativeEventType.error && streamId < 0) {
      // Of a connection it is followed by its end.
      if (meta?.errorCategory === 'runtime') this.#taker.failed(errorOf(event));
      return;
    }
    const connection = this.#connections.get(connHandle);
    if (!connection) return;
    connection.heard = true;
    connection.deliveredBytes += event.data?.length ?? 0;
    if (eventType === NativeEventType.pingAck) connection.pingAcked();
    else if (eventType === NativeEventType.headers) this.#fields(connection, event);
    else this.#streamEvent(connection.stream(streamId), event);
  }

  #streamEvent(stream: NativeStream | undefined, { eventType, data }: NativeEvent): void {
    if (!stream) return;
    if (eventType === NativeEventType.data) {
      if (data && data.length > 0) stream.taker.data(data);
    } else if (eventType === NativeEventType.finished) {
      stream.requestEnded();
    } else if (eventType === NativeEventType.reset) {
      stream.gone();
    } else if (eventType === NativeEventType.streamBlocked) {
      stream.blocked();
    } else if (eventType === NativeEventType.error) {
      stream.failed();
    }
  }

  #opened({ connHandle, meta }: NativeEvent): void {
    const peer = meta?.remoteAddr ?? '';
    // The end of the one before was lost: its number is another's now.
    this.#connections.get(connHandle)?.closed();
    if (this.#ownPorts.has(meta?.remotePort ?? 0)) return;
    const connection = new NativeConnection(this, connHandle, peer);
    this.#connections.set(connHandle, connection);
    this.#taker.connection(connection);
  }

  #ended(handle: number): void {
    this.#guard.sawClose();
    const connection = this.#connections.get(handle);
    if (!connection) return;
    this.#connections.delete(handle);
    connection.closed();
    this.#taker.closed(connection);
  }

  #fields(connection: NativeConnection, { streamId, headers, data }: NativeEvent): void {
    const fields = fromNativeFields(headers ?? []);
    const known = connection.stream(streamId);
    if (known) {
      known.taker.trailers(fields);
      return;
    }
    const stream = new NativeStream(this, connection, streamId);
    connection.enter(stream);
    const taker = this.#taker.request(stream, fields);
    if (!taker) {
      stream.reset(H3Code.requestRejected);
    } else if (connection.stream(streamId) === stream) {
      stream.taker = taker;
      if (data && data.length > 0) taker.data(data);
    }
  }

  /** A client that waits for its response is silent, and so are we: the connection would time out. One
   *  that takes nothing of what it has is given up. */
  #watch(): void {
    const now = performance.now();
    for (const connection of this.#connections.values()) {
      if (connection.streams > 0 && !connection.heard) connection.ping();
      connection.heard = false;
      const { window } = connection;
      if (window.unsentBytes > 0) window.look(now);
      if (this.#stallTimeoutMs > 0 && window.stalledMs(now) > this.#stallTimeoutMs)
        connection.cut();
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#keepAlive);
    this.pressure.close();
    this.#flood.close();
    this.resume();
    const done = new Promise<void>((resolve) => {
      const late = setTimeout(resolve, SHUTDOWN_MS);
      this.#shutDown = () => {
        clearTimeout(late);
        resolve();
      };
    });
    this.server.requestShutdown();
    await done;
    this.server.joinWorker();
    for (const connection of this.#connections.values()) {
      connection.closed();
      this.#taker.closed(connection);
    }
    this.#connections.clear();
    this.queue.close();
  }
}

function errorOf({ meta }: NativeEvent): Error {
  return new Error(meta?.errorReason ?? 'the engine has failed');
}
