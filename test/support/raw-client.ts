import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { until, within } from './until.js';

/** One response as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly rawHead: string;
  readonly body: Buffer;
  readonly trailers: ReadonlyMap<string, string>;
}

/** How a connection ended: `end` by a FIN, `reset` by an RST or an error. */
export type Ending = 'end' | 'reset';

/** A client that sends exactly the bytes it is told to, and takes responses apart by itself. */
export class RawClient {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #size = 0;
  #ending: Ending | undefined;

  static async connect(port: number, scheme: 'http' | 'https' = 'http'): Promise<RawClient> {
    const host = '127.0.0.1';
    const socket =
      scheme === 'http'
        ? connect({ port, host, noDelay: true, allowHalfOpen: true })
        : connectTls({ port, host, rejectUnauthorized: false });
    await within(
      new Promise<void>((resolve, reject) => {
        socket.once(scheme === 'http' ? 'connect' : 'secureConnect', () => resolve());
        socket.once('error', reject);
      }),
      'the connection',
    );
    return new RawClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
    });
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => {
      this.#ending ??= 'reset';
    });
    socket.on('close', () => {
      this.#ending ??= 'reset';
    });
  }

  /** Bytes that came and were not taken. */
  get received(): string {
    return this.#bytes().toString('latin1');
  }

  /** The same as bytes. */
  get receivedBuffer(): Buffer {
    return this.#bytes();
  }

  get receivedBytes(): number {
    return this.#size;
  }

  /** Address and port of this end. */
  get address(): string {
    return `${this.#socket.localAddress}:${this.#socket.localPort}`;
  }

  /** The connection has ended. */
  get ended(): boolean {
    return this.#ending !== undefined;
  }

  /** Bytes that wait to be sent. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  send(data: string | Uint8Array): void {
    this.#socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Sends a request head. */
  head(line: string, ...headers: readonly string[]): void {
    this.send([`${line} HTTP/1.1`, 'host: localhost', ...headers, '', ''].join('\r\n'));
  }

  /** Sends one chunk of a chunked body. */
  chunk(data: string | Uint8Array): void {
    this.send(`${data.length.toString(16)}\r\n`);
    this.send(data);
    this.send('\r\n');
  }

  /** Half-closes. */
  finish(): void {
    this.#socket.end();
  }

  /** Ends the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends it with an RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Stops and starts reading. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Resolves when `text` has come. */
  async sees(text: string): Promise<void> {
    await until(
      () => this.received.includes(text) || this.#ending !== undefined,
      `"${text}" from the server`,
    );
    if (!this.received.includes(text)) {
      throw new Error(`${this.#ending} before "${text}": ${this.received}`);
    }
  }

  /** How the server ended the connection. */
  async ending(): Promise<Ending> {
    await until(() => this.#ending !== undefined, 'the end of the connection');
    return this.#ending as Ending;
  }

  /** The next whole response, taken from what came. Rejects if the connection ends in its middle. */
  async response(method = 'GET'): Promise<RawResponse> {
    let parsed: Parsed | undefined;
    let seen = -1;
    await until(() => {
      if (this.#size === seen && !this.ended) return false;
      seen = this.#size;
      parsed = parse(this.#bytes(), method, this.#ending === 'end');
      return parsed !== undefined || this.ended;
    }, 'a response');
    parsed ??= parse(this.#bytes(), method, this.#ending === 'end');
    if (!parsed) throw new Error(`${this.#ending} in the response: ${this.received.slice(0, 500)}`);
    this.#chunks = [this.#bytes().subarray(parsed.length)];
    this.#size -= parsed.length;
    return parsed.response;
  }

  /** libuv says the same of a FIN and of a reset that it sees together with unread bytes. The kernel does
   *  not: writing nothing fails with ECONNRESET where no FIN came first. */
  #onEnd(): void {
    const socket = this.#socket;
    if (socket instanceof TLSSocket || socket.writableEnded || socket.writableLength > 0) {
      this.#ending ??= 'end';
      return;
    }
    socket.write(Buffer.alloc(0), (error) => {
      const { code } = (error ?? {}) as NodeJS.ErrnoException;
      this.#ending ??= code === 'ECONNRESET' ? 'reset' : 'end';
    });
  }

  #bytes(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }
}

interface Parsed {
  readonly response: RawResponse;
  readonly length: number;
}

function fields(lines: readonly string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const before = map.get(name);
    const value = line.slice(colon + 1).trim();
    map.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return map;
}

function parse(bytes: Buffer, method: string, ended: boolean): Parsed | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const rawHead = bytes.toString('latin1', 0, headEnd);
  const [statusLine = '', ...lines] = rawHead.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(`${statusLine} `)?.[1]);
  const headers = fields(lines);
  const start = headEnd + 4;
  const bodyless = method === 'HEAD' || status === 204 || status === 304 || status < 200;
  const done = (body: Buffer, length: number, trailers = new Map<string, string>()) => ({
    response: { status, headers, rawHead, body: Buffer.from(body), trailers },
    length,
  });
  if (bodyless) return done(Buffer.alloc(0), start);
  if (headers.get('transfer-encoding') === 'chunked') return parseChunks(bytes, start, done);
  const declared = headers.get('content-length');
  if (declared === undefined) {
    return ended ? done(bytes.subarray(start), bytes.length) : undefined;
  }
  const end = start + Number(declared);
  return bytes.length >= end ? done(bytes.subarray(start, end), end) : undefined;
}

function parseChunks(
  bytes: Buffer,
  start: number,
  done: (body: Buffer, length: number, trailers: Map<string, string>) => Parsed,
): Parsed | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0) {
      if (bytes.toString('latin1', at, at + 2) === '\r\n') {
        return done(Buffer.concat(chunks), at + 2, new Map());
      }
      const end = bytes.indexOf('\r\n\r\n', at);
      if (end < 0) return undefined;
      const trailers = fields(bytes.toString('latin1', at, end).split('\r\n'));
      return done(Buffer.concat(chunks), end + 4, trailers);
    }
    if (bytes.length < at + size + 2) return undefined;
    chunks.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}
