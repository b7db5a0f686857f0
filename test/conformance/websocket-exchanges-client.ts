import { type RawData, WebSocket } from 'ws';
import type { Answer, Target, TransportClient, Upload, UploadOptions } from './client.js';
import { refusal } from './websocket-client.js';

/** Larger writes go out as several messages: the server takes no larger ones. */
const MESSAGE_BYTES = 256 * 1024;

/** What the server says as text. */
interface ServerMessage {
  readonly type: 'head' | 'end' | 'error';
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
}

/** Fields that say who asks: they belong to the connection. */
const IDENTITY = ['authorization', 'x-forwarded-for'];

/**
 * WebSocket by the package `ws`, with many requests on a connection: the one of a request that has ended
 * is used for the next one, unless that comes from somebody else.
 */
export function webSocketExchangesClient(name: string, scheme: 'ws' | 'wss'): TransportClient {
  const connections = new Map<string, Connection[]>();
  return {
    name,
    open(server: Target, { path, headers = {}, length }: UploadOptions): Upload {
      const fields = Object.entries(headers);
      const identity = fields.filter(([field]) => IDENTITY.includes(field));
      const known = identity.length > 0 || path.includes('token=');
      const url = server.url(known ? path : '/upload', scheme);
      const key = JSON.stringify([url, identity]);
      const all = connections.get(key) ?? [];
      connections.set(key, all);
      let connection = all.find(({ free }) => free);
      if (!connection) {
        connection = new Connection(url, Object.fromEntries(identity));
        all.push(connection);
      }
      return new ExchangeUpload(connection, {
        type: 'open',
        ...(!known && { path }),
        headers: fields.filter(([field]) => !IDENTITY.includes(field)),
        length,
      });
    },
  };
}

class Connection {
  readonly socket: WebSocket;
  readonly opened: Promise<unknown>;
  /** What is under way on it. */
  user: ExchangeUpload | undefined;
  #closed = false;

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    const options = { headers, rejectUnauthorized: false, perMessageDeflate: false };
    this.socket = new WebSocket(url, ['upload-response.v1'], options);
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('unexpected-response', (_request, response) => {
        this.#closed = true;
        this.user?.refused(refusal(response));
        reject(new Error('the server refused'));
      });
    });
    this.opened.catch(() => {});
    this.socket.on('error', () => {});
    this.socket.on('message', (data, isBinary) => this.user?.message(data, isBinary));
    this.socket.on('close', () => {
      this.#closed = true;
      this.user?.closed();
    });
  }

  get free(): boolean {
    return !this.#closed && !this.user;
  }
}

class ExchangeUpload implements Upload {
  readonly answer: Promise<Answer>;
  readonly #connection: Connection;
  #answer: ExchangeAnswer | undefined;
  #resolve: (answer: Answer) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #requestEnded = false;
  #answerEnded = false;

  constructor(connection: Connection, open: object) {
    this.#connection = connection;
    connection.user = this;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.answer.catch(() => {});
    void this.#send(JSON.stringify(open)).catch(() => {});
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    if (this.#requestEnded) throw new Error('the request has ended');
    const all = Buffer.from(bytes as Uint8Array);
    const sent: Promise<void>[] = [];
    for (let at = 0; at < all.length; at += MESSAGE_BYTES) {
      sent.push(this.#send(all.subarray(at, at + MESSAGE_BYTES)));
    }
    await Promise.all(sent);
  }

  end(trailers: Readonly<Record<string, string>> = {}): void {
    this.#requestEnded = true;
    const end = JSON.stringify({ type: 'end', trailers: Object.entries(trailers) });
    void this.#send(end).catch(() => {});
    this.#leave();
  }

  /** An exchange that is over costs the connection nothing. */
  abort(): void {
    if (this.#answerEnded) this.end();
    else this.#connection.socket.terminate();
  }

  message(data: RawData, isBinary: boolean): void {
    if (isBinary) {
      this.#answer?.add(data as Buffer);
      return;
    }
    const message = JSON.parse(String(data)) as ServerMessage;
    if (message.type !== 'end' && !this.#answer) {
      this.#answer = new ExchangeAnswer(message);
      this.#resolve(this.#answer);
    }
    if (message.type === 'head') return;
    this.#answer?.finish(message.type === 'error' ? new Error('cut') : undefined);
    this.#answerEnded = true;
    this.#leave();
  }

  refused(answer: Promise<Answer>): void {
    answer.then(this.#resolve, this.#reject);
  }

  closed(): void {
    const error = new Error('the connection was closed');
    this.#reject(error);
    this.#answer?.finish(error);
  }

  #leave(): void {
    if (this.#requestEnded && this.#answerEnded) this.#connection.user = undefined;
  }

  async #send(message: string | Buffer): Promise<void> {
    await this.#connection.opened;
    await new Promise<void>((resolve, reject) =>
      this.#connection.socket.send(message, (error) => (error ? reject(error) : resolve())),
    );
  }
}

class ExchangeAnswer implements Answer {
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly #first: ServerMessage;
  readonly #parts: Buffer[] = [];
  #end: { readonly error: Error | undefined } | undefined;
  #wake = (): void => {};

  constructor(first: ServerMessage) {
    this.#first = first;
    this.status = first.status;
    this.headers = Object.fromEntries(first.headers);
  }

  add(part: Buffer): void {
    this.#parts.push(part);
    this.#wake();
  }

  finish(error: Error | undefined): void {
    this.#end ??= { error };
    this.#wake();
  }

  async next(): Promise<string | undefined> {
    while (this.#parts.length === 0 && !this.#end) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const part = this.#parts.shift();
    if (part) return part.toString('latin1');
    if (this.#end?.error) throw this.#end.error;
    return undefined;
  }

  async text(): Promise<string> {
    if (this.#first.type === 'error') return JSON.stringify(this.#first);
    let text = '';
    for (let part = await this.next(); part !== undefined; part = await this.next()) text += part;
    return text;
  }
}
