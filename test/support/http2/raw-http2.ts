import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { until, within } from '../until.js';
import {
  Flag,
  type Frame,
  FrameParser,
  FrameType,
  frame,
  PREFACE,
  Setting,
  settings,
  words,
} from './frames.js';
import { block, type Field, statusOf } from './hpack.js';

/** What a server does about what it does not accept. */
export type Outcome =
  | { readonly kind: 'reset'; readonly stream: number; readonly code: number }
  | { readonly kind: 'goaway'; readonly code: number }
  | { readonly kind: 'close' };

/** A response as its frames came. */
export interface RawAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** Ended by END_STREAM. */
  readonly ended: boolean;
  /** The code of the RST_STREAM that came after or within it. */
  readonly reset: number | undefined;
}

export interface RawHttp2Options {
  readonly tls?: boolean;
  /** Settings of the client beside a dynamic table of size 0. */
  readonly settings?: readonly (readonly [id: number, value: number])[];
  /** Neither preface nor SETTINGS; the test sends what it wants. */
  readonly bare?: boolean;
}

/** A client that sends exactly the frames it is told to, and keeps those that come. */
export class RawHttp2 {
  /** Every frame that came, oldest first. */
  readonly frames: Frame[] = [];
  readonly #socket: Socket;
  #ended = false;

  /** Resolves when the server's SETTINGS have come and the client's are acknowledged. */
  static async connect(port: number, options: RawHttp2Options = {}): Promise<RawHttp2> {
    const host = '127.0.0.1';
    const socket = options.tls
      ? connectTls({ port, host, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
      : connect({ port, host, noDelay: true });
    const client = new RawHttp2(socket);
    const ready = new Promise<void>((resolve, reject) => {
      socket.once(options.tls ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    await within(ready, 'the connection');
    if (options.bare) return client;
    client.send(PREFACE);
    const own = settings([Setting.headerTableSize, 0], ...(options.settings ?? []));
    client.frame(FrameType.settings, 0, 0, own);
    await client.sees(({ type, flags }) => type === FrameType.settings && flags === Flag.ack);
    client.frame(FrameType.settings, Flag.ack, 0);
    return client;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    const parser = new FrameParser();
    socket.on('data', (chunk: Buffer) => this.frames.push(...parser.push(chunk)));
    const ended = () => {
      this.#ended = true;
    };
    for (const event of ['end', 'error', 'close']) socket.on(event, ended);
  }

  /** The server has ended the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  send(...bytes: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(bytes));
  }

  frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ''): void {
    this.send(frame(type, flags, stream, payload));
  }

  /** A request head: POST to `path`, with more fields. Its body follows unless `end`. */
  open(stream: number, path: string, end = false, more: readonly Field[] = []): void {
    const flags = Flag.endHeaders | (end ? Flag.endStream : 0);
    this.frame(FrameType.headers, flags, stream, block([...requestFields(path), ...more]));
  }

  data(stream: number, payload: Uint8Array | string, end = false): void {
    this.frame(FrameType.data, end ? Flag.endStream : 0, stream, payload);
  }

  /** Gives the server room to send: for the connection and for one stream. */
  allow(stream: number, bytes: number): void {
    this.frame(FrameType.windowUpdate, 0, 0, words(bytes));
    this.frame(FrameType.windowUpdate, 0, stream, words(bytes));
  }

  /** Half-closes. */
  finish(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Bytes that wait to be sent. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** The first frame that matches. Rejects when the connection ends without one. */
  async sees(matches: (frame: Frame) => boolean, what = 'a frame'): Promise<Frame> {
    await until(() => this.#ended || this.frames.some(matches), what);
    const found = this.frames.find(matches);
    if (!found) throw new Error(`the connection ended without ${what}`);
    return found;
  }

  /** The server still answers: it acknowledges a PING. All that was sent before has been read then. */
  async isAlive(): Promise<void> {
    const mark = words(this.frames.length, 0xabcdef);
    this.frame(FrameType.ping, 0, 0, mark);
    await this.sees(
      ({ type, flags, payload }) =>
        type === FrameType.ping && flags === Flag.ack && payload.equals(mark),
      'the answer to a PING',
    );
  }

  /** How the server refuses: the first RST_STREAM, GOAWAY or end of the connection. */
  async refusal(): Promise<Outcome> {
    let found: Outcome | undefined;
    await until(() => {
      found = this.#outcome();
      return found !== undefined;
    }, 'a refusal');
    return found as Outcome;
  }

  /** Resolves when the server has ended the connection. */
  async ending(): Promise<void> {
    await until(() => this.#ended, 'the end of the connection');
  }

  /** Code of the first GOAWAY. */
  async goaway(): Promise<number> {
    const { payload } = await this.sees(({ type }) => type === FrameType.goaway, 'GOAWAY');
    return payload.readUInt32BE(4);
  }

  /** Code of the RST_STREAM of a stream. */
  async reset(stream: number): Promise<number> {
    const { payload } = await this.sees(
      (one) => one.type === FrameType.rstStream && one.stream === stream,
      `RST_STREAM of ${stream}`,
    );
    return payload.readUInt32BE(0);
  }

  /** The response of a stream when it has ended, by END_STREAM or by a reset. */
  async answer(stream: number): Promise<RawAnswer> {
    const ends = (one: Frame) =>
      one.stream === stream &&
      (one.type === FrameType.rstStream ||
        ((one.type === FrameType.data || one.type === FrameType.headers) &&
          (one.flags & Flag.endStream) !== 0));
    await this.sees(ends, `the answer of stream ${stream}`);
    return this.answerSoFar(stream);
  }

  /** The statuses of a stream, interim ones too. */
  statuses(stream: number): number[] {
    return this.frames
      .filter((one) => one.type === FrameType.headers && one.stream === stream)
      .map(({ payload }) => statusOf(payload));
  }

  /** What has come of a response. */
  answerSoFar(stream: number): RawAnswer {
    const of = (type: number) =>
      this.frames.filter((one) => one.type === type && one.stream === stream);
    const data = of(FrameType.data);
    return {
      status: this.statuses(stream).find((status) => status >= 200) ?? 0,
      body: Buffer.concat(data.map(({ payload }) => payload)),
      ended: [...data, ...of(FrameType.headers)].some(({ flags }) => flags & Flag.endStream),
      reset: of(FrameType.rstStream)[0]?.payload.readUInt32BE(0),
    };
  }

  #outcome(): Outcome | undefined {
    for (const { type, stream, payload } of this.frames) {
      if (type === FrameType.rstStream) {
        return { kind: 'reset', stream, code: payload.readUInt32BE(0) };
      }
      if (type === FrameType.goaway) return { kind: 'goaway', code: payload.readUInt32BE(4) };
    }
    return this.#ended ? { kind: 'close' } : undefined;
  }
}

/** The pseudo-header fields of a POST to `path`. */
export function requestFields(path: string, method = 'POST'): Field[] {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
  ];
}
