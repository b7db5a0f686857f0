import type { IncomingMessage } from 'node:http';
import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { fromNative, UploadResponseError } from '../../errors/index.js';
import { endWithAnswer, type HttpFront, reachable, type WebSocketTaker } from '../../http/index.js';
import type { Ingress, Logger } from '../../ingress/index.js';
import { TransportCounters } from '../counters.js';
import { Drain } from '../drain.js';
import type { BoundAddress, Transport, TransportContext, TransportStats } from '../transport.js';
import { Channel } from './channel.js';
import type { WebSocketConfig } from './config.js';
import type { Conversation } from './conversation.js';
import { type Handshake, readHandshake } from './handshake.js';
import { addRoutes, type UpgradeHandlers } from './routes.js';
import { SingleUpload } from './single-upload.js';
import { type SessionHost, UploadSession } from './upload-session.js';
import type { UploadWebSocket } from './upload-web-socket.js';

/** What RFC 6455 section 4.4 and RFC 9110 section 15.5.22 want of a 426. */
const VERSION_HEADERS = [
  ['sec-websocket-version', '13'],
  ['upgrade', 'websocket'],
  ['connection', 'upgrade'],
] as const;

/** A request to upgrade, until it is one. */
interface Arrival {
  readonly handshake: Handshake;
  permit?: Permit;
  conversation?: Conversation;
}

/** WebSocket, plain and TLS, on the listeners of HTTP/1.1. */
export class WebSocketTransport implements Transport, SessionHost, WebSocketTaker, UpgradeHandlers {
  readonly name = 'websocket';
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  readonly idleTimeoutMs: number;
  readonly maxHeadBytes: number;
  readonly isUploadPath: (path: string) => boolean;
  readonly #config: WebSocketConfig;
  readonly #front: HttpFront;
  readonly #log: Logger;
  readonly #arrivals = new Map<IncomingMessage, Arrival | undefined>();
  readonly #conversations = new Set<Conversation>();
  readonly #channels = new Set<Channel>();
  readonly #counters = new TransportCounters();
  readonly #drain = new Drain(
    () => this.#arrivals.size + this.#conversations.size === 0,
    () => this.#cut(),
  );
  #heart: NodeJS.Timeout | undefined;

  /** @throws UploadResponseError UNKNOWN_POOL */
  constructor({ ingress, config, admission, http, log }: TransportContext<WebSocketConfig>) {
    this.ingress = ingress;
    this.admission = admission;
    this.pool = ingress.poolIndex(config.pool);
    this.idleTimeoutMs = config.idleTimeoutMs;
    this.maxHeadBytes = http.limits.maxHeadBytes;
    const { prefix } = http;
    const below = prefix === '/' ? '/' : `${prefix}/`;
    this.isUploadPath = (path) => path === prefix || path.startsWith(below);
    this.#config = config;
    this.#front = http;
    this.#log = log;
    if (!config.enabled) return;
    http.takeWebSockets(this);
    addRoutes(http, config, this);
  }

  refused(error: UploadResponseError): void {
    this.#counters.refused(error);
  }

  requested(): void {
    this.#counters.requested();
  }

  refuseUpgrade(request: IncomingMessage, error: UploadResponseError): void {
    this.#counters.connected();
    this.refuse(request, error);
  }

  arrived(request: IncomingMessage, done: (error?: UploadResponseError) => void): void {
    const { socket } = request;
    this.#counters.connected();
    this.#arrivals.set(request, undefined);
    let stopWaiting: (() => void) | undefined;
    // Sockets of HTTP stay half-open, and nothing reads this one before it is upgraded.
    const leave = () => socket.destroy();
    socket.once('end', leave);
    const decided = (error?: UploadResponseError): void => {
      socket.off('end', leave);
      done(error);
    };
    socket.once('close', () => {
      stopWaiting?.();
      this.#forget(request);
    });
    try {
      if (this.#drain.begun) throw new UploadResponseError('SHUTTING_DOWN');
      const handshake = readHandshake(request, this.name, this.#config.origins);
      const granted = (permit: Permit): void => {
        this.#arrivals.set(request, { handshake, permit });
        decided();
      };
      stopWaiting = admitThen(this.admission, 'publish', handshake.caller, granted, decided);
    } catch (thrown) {
      decided(fromNative(thrown));
    }
  }

  admitted(request: IncomingMessage): void {
    const arrival = this.#arrivals.get(request);
    if (!arrival?.permit) throw new UploadResponseError('CLIENT_GONE');
    const { handshake, permit } = arrival;
    // It is released by whoever has it now.
    delete arrival.permit;
    if (handshake.mode === 'exchanges') {
      arrival.conversation = new UploadSession(this, handshake, permit);
    } else {
      this.requested();
      arrival.conversation = new SingleUpload(this, handshake, permit);
    }
  }

  upgraded(request: IncomingMessage, socket: UploadWebSocket): void {
    const conversation = this.#arrivals.get(request)?.conversation;
    this.#arrivals.delete(request);
    if (!conversation) {
      socket.terminate();
      return;
    }
    const channel = new Channel(socket, request.socket, conversation, this.#config.maxMessageBytes);
    this.#conversations.add(conversation);
    this.#channels.add(channel);
    socket.once('close', () => this.#channels.delete(channel));
    conversation.attach(channel);
    if (this.#drain.begun) conversation.drain();
  }

  refuse(request: IncomingMessage, error: UploadResponseError): void {
    this.refused(error);
    this.#forget(request);
    const headers = error.code === 'WEBSOCKET_VERSION' ? VERSION_HEADERS : [];
    endWithAnswer(request.socket, error, headers);
  }

  failed(error: Error): void {
    this.#log.error({ err: error }, 'a WebSocket failed unexpectedly');
  }

  over(conversation: Conversation): void {
    this.#conversations.delete(conversation);
    this.#drain.left();
  }

  async listen(): Promise<readonly BoundAddress[]> {
    const { enabled, pingIntervalMs, silenceTimeoutMs } = this.#config;
    if (!enabled) return [];
    if (pingIntervalMs > 0) {
      this.#heart = setInterval(() => {
        const now = performance.now();
        for (const channel of this.#channels) channel.beat(now, silenceTimeoutMs);
      }, pingIntervalMs);
    }
    return this.#front.endpoints
      .filter(({ kind }) => kind !== 'h2c')
      .map((endpoint) => {
        const scheme = endpoint.kind === 'tls' ? 'wss' : 'ws';
        const { host, port } = endpoint;
        const url = `${scheme}://${reachable(endpoint)}${this.#front.prefix}`;
        return { transport: this.name, scheme, host, port, url };
      });
  }

  async drain(signal: AbortSignal): Promise<void> {
    await this.#drain.run(signal, () => {
      for (const conversation of [...this.#conversations]) conversation.drain();
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#heart);
    await this.#drain.close();
  }

  stats(): TransportStats {
    return this.#counters.stats(this.#channels.size + this.#arrivals.size);
  }

  /** An upgrade that will not come, or has come: nothing of it is left behind. */
  #forget(request: IncomingMessage): void {
    const arrival = this.#arrivals.get(request);
    this.#arrivals.delete(request);
    arrival?.permit?.release();
    arrival?.conversation?.abandon();
    this.#drain.left();
  }

  #cut(): void {
    for (const { socket } of this.#arrivals.keys()) socket.destroy();
    for (const conversation of [...this.#conversations]) conversation.cut();
  }
}
