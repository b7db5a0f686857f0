import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type AmfObject, type AmfValue, readAmf0, writeAmf0 } from '../../protocols/amf0/index.js';
import type { FlvTag } from '../../protocols/flv/index.js';
import {
  ChunkReader,
  chunks,
  control,
  HANDSHAKE_BYTES,
  MessageType,
  mediaChunks,
  type RtmpMessage,
} from '../../protocols/rtmp/index.js';
import { EXIT_CODES, exitCodeOf } from '../exit-codes.js';
import { CliError } from '../failure.js';
import { roomOf } from './connection.js';

const VERSION = 3;
const CHUNK_BYTES = 65_536;
const MAX_MESSAGE_BYTES = 2 ** 20;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;
const SCRIPT = 18;
/** Chunk streams, as librtmp has them. */
const CHUNK_STREAM = { command: 3, data: 4, audio: 5, video: 6 } as const;

/** What is published, and where. The key is a secret. */
export interface RtmpTarget {
  readonly app: string;
  readonly key: string;
  readonly tcUrl: string;
}

/** A publisher's side of one RTMP connection. Everything rejects when the connection ends, with a
 *  CliError where the server has said why. */
export class RtmpPublisher {
  readonly #socket: Socket;
  readonly #reader = new ChunkReader(MAX_MESSAGE_BYTES, (message) => this.#take(message));
  #handshake: Buffer | undefined = Buffer.alloc(0);
  #streamId = 1;
  #waiting: { matches(values: AmfValue[]): boolean; resolve(values: AmfValue[]): void } | undefined;
  #over: Error | undefined;
  #stopped = false;
  #onOver: ((error: Error) => void)[] = [];
  #shaken: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#data(bytes));
    socket.on('error', (error) => this.#end(error));
    socket.once('end', () => this.#end(new Error('the server closed it')));
    socket.once('close', () => this.#end(new Error('it was closed')));
  }

  /** The server wants no more, and has no objection. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Handshake and commands, until the server says that media may come. */
  async begin({ app, key, tcUrl }: RtmpTarget): Promise<void> {
    const c1 = Buffer.concat([Buffer.alloc(8), randomBytes(HANDSHAKE_BYTES - 8)]);
    const shaken = new Promise<void>((resolve) => {
      this.#shaken = resolve;
    });
    this.#socket.write(Buffer.concat([Buffer.from([VERSION]), c1]));
    await this.#unlessOver(shaken);
    this.#socket.write(control(MessageType.setChunkSize, CHUNK_BYTES));
    const flashVer = 'FMLE/3.0 (compatible; upload-response)';
    const asked = { app, type: 'nonprivate', flashVer, tcUrl };
    await this.#ask(0, 'connect', 1, asked);
    this.#command(0, 'releaseStream', 2, null, key);
    this.#command(0, 'FCPublish', 3, null, key);
    const [, , , id] = await this.#ask(0, 'createStream', 4, null);
    if (typeof id === 'number') this.#streamId = id;
    const started = this.#next('onStatus', (values) => codeOf(values) === PUBLISHING);
    this.#command(this.#streamId, 'publish', 5, null, key, 'live');
    await this.#unlessOver(started);
  }

  /** Resolves when there is room for more. */
  async send({ type, timestamp, data }: FlvTag): Promise<void> {
    if (this.#over) throw this.#over;
    const script = type === SCRIPT;
    const payload = script ? Buffer.concat([writeAmf0('@setDataFrame'), data]) : data;
    const stream = script ? 'data' : type === MessageType.video ? 'video' : 'audio';
    const [id, chunkStream] = [this.#streamId, CHUNK_STREAM[stream]];
    this.#socket.write(mediaChunks(type, id, timestamp, payload, CHUNK_BYTES, chunkStream));
    await roomOf(this.#socket);
  }

  /** Says that this was all, and waits until the server has closed the connection. */
  async finish(key: string): Promise<void> {
    if (this.#over) throw this.#over;
    this.#command(0, 'FCUnpublish', 6, null, key);
    this.#command(0, 'deleteStream', 7, null, this.#streamId);
    this.#socket.end();
    const error = await new Promise<Error>((resolve) => this.#whenOver(resolve));
    if (error instanceof CliError) throw error;
  }

  /** Rejects when it is over. */
  #unlessOver<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, new Promise<T>((_, reject) => this.#whenOver(reject))]);
  }

  #whenOver(call: (error: Error) => void): void {
    if (this.#over) call(this.#over);
    else this.#onOver.push(call);
  }

  #end(error: Error): void {
    if (this.#over) return;
    this.#over = error;
    for (const call of this.#onOver.splice(0)) call(error);
  }

  #command(streamId: number, ...values: readonly AmfValue[]): void {
    const payload = writeAmf0(...values);
    const { command } = CHUNK_STREAM;
    this.#socket.write(chunks(MessageType.commandAmf0, streamId, payload, CHUNK_BYTES, command));
  }

  /** The values of the next command of this name that fits. */
  #next(name: string, fits: (values: AmfValue[]) => boolean): Promise<AmfValue[]> {
    return new Promise((resolve) => {
      const matches = (values: AmfValue[]) => values[0] === name && fits(values);
      this.#waiting = { matches, resolve };
    });
  }

  #ask(streamId: number, name: string, id: number, ...rest: AmfValue[]): Promise<AmfValue[]> {
    const answer = this.#next('_result', (values) => values[1] === id);
    this.#command(streamId, name, id, ...rest);
    return this.#unlessOver(answer);
  }

  #data(bytes: Buffer): void {
    try {
      const rest = this.#handshake ? this.#shakeHands(this.#handshake, bytes) : bytes;
      if (rest && rest.length > 0) this.#reader.push(rest);
    } catch (error) {
      this.#end(error as Error);
      this.#socket.destroy();
    }
  }

  #shakeHands(before: Buffer, bytes: Buffer): Buffer | undefined {
    const all = Buffer.concat([before, bytes]);
    if (all[0] !== VERSION) throw new CliError('this is no RTMP server', EXIT_CODES.failed.code);
    const whole = 1 + 2 * HANDSHAKE_BYTES;
    if (all.length < whole) {
      this.#handshake = all;
      return undefined;
    }
    this.#handshake = undefined;
    this.#socket.write(all.subarray(1, 1 + HANDSHAKE_BYTES));
    this.#shaken();
    return all.subarray(whole);
  }

  #take({ type, payload }: RtmpMessage): void {
    if (type === MessageType.userControl) this.#pong(payload);
    if (type !== MessageType.commandAmf0) return;
    const values = readAmf0(payload);
    const { level, code } = statusOf(values);
    if (values[0] === '_error' || level === 'error') this.#refused(values);
    else if (code === 'NetStream.Unpublish.Success') this.#stopped = true;
    else if (this.#waiting?.matches(values)) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(values);
    }
  }

  #pong(payload: Buffer): void {
    if (payload.length < 6 || payload.readUInt16BE(0) !== PING_REQUEST) return;
    const answer = Buffer.from(payload.subarray(0, 6));
    answer.writeUInt16BE(PING_RESPONSE, 0);
    this.#socket.write(chunks(MessageType.userControl, 0, answer, answer.length, 2));
  }

  /** Our server's description is `<status> <code>`; others say what they like. */
  #refused(values: AmfValue[]): void {
    const { code, description } = statusOf(values);
    const text = [code, description].filter((one) => typeof one === 'string').join(', ');
    const status = Number(/^(\d{3}) /.exec(String(description))?.[1] ?? 0);
    const login = String(description).includes('authmod=');
    const unauthorized = login || code === 'NetStream.Publish.Unauthorized';
    const named = unauthorized ? EXIT_CODES.clientError : EXIT_CODES.failed;
    const exit = status > 0 ? exitCodeOf(status) : named.code;
    const remedy = login ? 'Name a user: rtmp://user:password@host/app/key' : undefined;
    this.#end(new CliError(`the server refused: ${text}`, exit, remedy));
    this.#socket.destroy();
  }
}

const PUBLISHING = 'NetStream.Publish.Start';

function statusOf(values: AmfValue[]): AmfObject {
  const information = values[3];
  const isObject =
    typeof information === 'object' && information !== null && !Array.isArray(information);
  return isObject ? information : {};
}

const codeOf = (values: AmfValue[]) => statusOf(values).code;
