import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type AmfObject,
  type AmfValue,
  readAmf0,
  writeAmf0,
} from '../../src/protocols/amf0/index.js';
import {
  ChunkReader,
  chunks,
  MessageType,
  type RtmpMessage,
} from '../../src/protocols/rtmp/index.js';
import type { Pair } from './authority.js';
import { until } from './until.js';

/** As OBS has it. */
const CHUNK_BYTES = 4096;
const HANDSHAKE_BYTES = 1536;
/** Events of user control messages. */
export const PING = 6;
const PONG = 7;

/** avcC with one SPS and one PPS; the NAL lengths have 4 bytes. */
export const AVC_CONFIG = Buffer.from(
  '014d401fffe1000467 4d401f01000368ee3c'.replace(' ', ''),
  'hex',
);
/** The same sets as Annex B. */
export const AVC_SETS = Buffer.from('00000001674d401f0000000168ee3c', 'hex');

/** An RTMP client of the tests' own, which does what it is told, answers pings, and nothing else. */
export class RtmpClient {
  readonly messages: RtmpMessage[] = [];
  readonly socket: Socket;
  closed = false;
  /** Pings are not answered. */
  silent = false;
  #received = Buffer.alloc(0);
  #reader: ChunkReader | undefined;

  /** `tls`: over it, with this certificate if it is one. */
  static async connect(port: number, tls: boolean | Pair = false): Promise<RtmpClient> {
    const pair = typeof tls === 'object' ? tls : {};
    const socket = tls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...pair })
      : connect(port, '127.0.0.1');
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new RtmpClient(socket);
  }

  /** With handshake, connect and createStream, as OBS sends them, and publish; `code` of the answer. */
  static async publish(
    port: number,
    key: string,
    app = 'live',
    tls: boolean | Pair = false,
  ): Promise<RtmpClient> {
    const client = await RtmpClient.connect(port, tls);
    await client.shakeHands();
    await client.openStream(app, key);
    client.command(1, 'publish', 5, null, key, 'live');
    return client;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => this.#data(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  async shakeHands(): Promise<void> {
    const c1 = Buffer.alloc(HANDSHAKE_BYTES, 7);
    c1.writeUInt32BE(0, 4);
    this.socket.write(Buffer.concat([Buffer.from([3]), c1]));
    const whole = 1 + 2 * HANDSHAKE_BYTES;
    await until(() => this.#received.length >= whole || this.closed, 'S0, S1 and S2');
    this.socket.write(this.#received.subarray(1, 1 + HANDSHAKE_BYTES));
    this.#reader = new ChunkReader(2 ** 20, (message) => {
      this.messages.push({ ...message, payload: Buffer.from(message.payload) });
      if (message.type === MessageType.userControl) this.#answerPing(message.payload);
    });
    this.#reader.push(this.#received.subarray(whole));
  }

  async openStream(app: string, key: string): Promise<void> {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(CHUNK_BYTES);
    this.socket.write(chunks(MessageType.setChunkSize, 0, size, 128, 2));
    const asked = {
      app,
      type: 'nonprivate',
      flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
      swfUrl: `rtmp://127.0.0.1/${app}`,
      tcUrl: `rtmp://127.0.0.1/${app}`,
    };
    this.command(0, 'connect', 1, asked);
    await this.answer('_result', 1);
    this.command(0, 'releaseStream', 2, null, key);
    this.command(0, 'FCPublish', 3, null, key);
    this.command(0, 'createStream', 4, null);
    await this.answer('_result', 4);
  }

  command(streamId: number, ...values: readonly AmfValue[]): void {
    this.send(MessageType.commandAmf0, streamId, 0, writeAmf0(...values));
  }

  /** A message on the publication's stream, or another one. */
  send(type: number, streamId: number, timestamp: number, payload: Buffer): void {
    const bytes = chunks(type, streamId, payload, CHUNK_BYTES, 4);
    this.socket.write(withTime(bytes, timestamp, payload.length));
  }

  config(): void {
    this.send(
      MessageType.video,
      1,
      0,
      Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), AVC_CONFIG]),
    );
  }

  /** One NAL unit of `data`. */
  frame(timestamp: number, key: boolean, data: Buffer, compositionMs = 0): void {
    const head = Buffer.from([key ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 0]);
    head.writeIntBE(compositionMs, 2, 3);
    head.writeUInt32BE(data.length, 5);
    this.send(MessageType.video, 1, timestamp, Buffer.concat([head, data]));
  }

  /** The fields of a command that came, once it has. */
  async answer(name: string, transaction: number): Promise<AmfValue[]> {
    const find = () =>
      this.commands().find((values) => values[0] === name && values[1] === transaction);
    await until(() => find() !== undefined || this.closed, `the command ${name}`);
    return find() ?? [];
  }

  /** The code and the description of the next onStatus after `from`; undefined: it was closed. */
  async status(from = 0): Promise<AmfObject | undefined> {
    const find = () => this.commands().filter(([name]) => name === 'onStatus')[from];
    await until(() => find() !== undefined || this.closed, 'a status');
    return find()?.[3] as AmfObject | undefined;
  }

  commands(): AmfValue[][] {
    return this.messages
      .filter(({ type }) => type === MessageType.commandAmf0)
      .map(({ payload }) => readAmf0(payload));
  }

  /** Resolves when the server has closed. */
  async end(): Promise<void> {
    await until(() => this.closed, 'the connection to be closed');
  }

  #answerPing(payload: Buffer): void {
    if (this.silent || payload.readUInt16BE(0) !== PING || !this.socket.writable) return;
    const pong = Buffer.from(payload);
    pong.writeUInt16BE(PONG, 0);
    this.socket.write(chunks(MessageType.userControl, 0, pong, CHUNK_BYTES, 2));
  }

  #data(bytes: Buffer): void {
    if (this.#reader) this.#reader.push(bytes);
    else this.#received = Buffer.concat([this.#received, bytes]);
  }
}

/** Puts the time into the head, and its extended form before the data of each chunk. */
function withTime(bytes: Buffer, timestamp: number, length: number): Buffer {
  if (timestamp < 0xffffff) {
    bytes.writeUIntBE(timestamp, 1, 3);
    return bytes;
  }
  bytes.writeUIntBE(0xffffff, 1, 3);
  const extended = Buffer.alloc(4);
  extended.writeUInt32BE(timestamp);
  const parts: Buffer[] = [];
  let at = 0;
  for (let left = length, head = 12; left > 0 || head === 12; head = 1) {
    const size = Math.min(left, CHUNK_BYTES);
    parts.push(
      bytes.subarray(at, at + head),
      extended,
      bytes.subarray(at + head, at + head + size),
    );
    at += head + size;
    left -= size;
  }
  return Buffer.concat(parts);
}
