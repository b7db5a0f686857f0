import { UploadResponseError } from '../../errors/index.js';

/** Types of messages, section 5.4 and 7.1 of the specification. */
export const MessageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  dataAmf0: 18,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** One whole message. */
export interface RtmpMessage {
  readonly type: number;
  readonly streamId: number;
  /** Milliseconds, 32 bits: it wraps. */
  readonly timestamp: number;
  /** Good until the call returns, unless the receiver copies it. */
  readonly payload: Buffer;
}

const MAX_CHUNK_STREAMS = 64;
const EXTENDED = 0xffffff;
/** Basic head, message head and extended time. */
const MAX_HEAD_BYTES = 3 + 11 + 4;
const MESSAGE_HEAD_BYTES = [11, 7, 3, 0] as const;
const EMPTY = Buffer.alloc(0);

interface ChunkStream {
  timestamp: number;
  /** What a chunk of type 3 that begins a message adds to it. */
  delta: number;
  extended: boolean;
  length: number;
  type: number;
  streamId: number;
  /** The message so far, `length` bytes; undefined between messages. */
  partial: Buffer | undefined;
  filled: number;
}

/**
 * Puts messages together out of chunks, whatever the pieces are in which the bytes come. What concerns
 * the chunks themselves (Set Chunk Size, Abort) is done here; every other message goes to `onMessage`.
 */
export class ChunkReader {
  readonly #maxMessageBytes: number;
  readonly #onMessage: (message: RtmpMessage) => void;
  readonly #streams = new Map<number, ChunkStream>();
  #chunkSize = 128;
  /** Bytes that messages which are not whole may grow to, of all chunk streams. */
  #promised = 0;
  #head = EMPTY;
  #current: ChunkStream | undefined;
  #left = 0;
  #stopped = false;

  /** `maxMessageBytes` bounds one message, and all that are not whole together. */
  constructor(maxMessageBytes: number, onMessage: (message: RtmpMessage) => void) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#onMessage = onMessage;
  }

  /** Takes no more, and hands no more out: for a receiver that has enough in the middle of a piece. */
  stop(): void {
    this.#stopped = true;
    this.#streams.clear();
    this.#current = undefined;
    this.#head = EMPTY;
  }

  /** Keeps no view on `bytes`. @throws UploadResponseError RTMP_PROTOCOL, RTMP_MESSAGE_TOO_LARGE */
  push(bytes: Buffer): void {
    let at = 0;
    while (!this.#stopped && (at < bytes.length || (this.#current && this.#left === 0))) {
      if (this.#current) {
        at = this.#takeData(this.#current, bytes, at);
        continue;
      }
      const before = this.#head.length;
      const head = before === 0 ? bytes.subarray(at, at + MAX_HEAD_BYTES) : this.#join(bytes, at);
      const used = this.#readHead(head);
      if (used === 0) {
        this.#head = Buffer.from(head);
        return;
      }
      this.#head = EMPTY;
      at += used - before;
    }
  }

  #join(bytes: Buffer, at: number): Buffer {
    const missing = MAX_HEAD_BYTES - this.#head.length;
    return Buffer.concat([this.#head, bytes.subarray(at, at + missing)]);
  }

  /** Its length; 0 where it is not whole. */
  #readHead(head: Buffer): number {
    const first = head[0] as number;
    const basic = (first & 63) === 0 ? 2 : (first & 63) === 1 ? 3 : 1;
    const format = first >> 6;
    let length = basic + (MESSAGE_HEAD_BYTES[format] as number);
    if (head.length < length) return 0;
    const id = chunkStreamId(head, basic);
    const known = this.#streams.get(id);
    if (!known && format !== 0) throw broken(`chunk stream ${id} begins without a full head`);
    const stream = known ?? this.#addStream(id);
    const time = format < 3 ? head.readUIntBE(basic, 3) : 0;
    const extended = format < 3 ? time === EXTENDED : stream.extended;
    if (extended) length += 4;
    if (head.length < length) {
      if (!known) this.#streams.delete(id);
      return 0;
    }
    if (stream.partial && format !== 3) throw broken('a message begins inside of another one');
    if (format < 3) {
      stream.extended = extended;
      this.#readFields(
        stream,
        format,
        head,
        basic,
        extended ? head.readUInt32BE(length - 4) : time,
      );
    }
    if (!stream.partial) this.#begin(stream);
    this.#current = stream;
    this.#left = Math.min(this.#chunkSize, stream.length - stream.filled);
    return length;
  }

  #readFields(stream: ChunkStream, format: number, head: Buffer, at: number, time: number): void {
    if (format < 2) {
      stream.length = head.readUIntBE(at + 3, 3);
      stream.type = head[at + 6] as number;
    }
    if (format === 0) {
      stream.streamId = head.readUInt32LE(at + 7);
      stream.timestamp = 0;
    }
    // A chunk of type 3 repeats it, even if it was the time itself: section 5.3.1.2.4.
    stream.delta = time;
  }

  #begin(stream: ChunkStream): void {
    const { length } = stream;
    if (length > this.#maxMessageBytes - this.#promised) {
      throw new UploadResponseError('RTMP_MESSAGE_TOO_LARGE', `${length} bytes`);
    }
    stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
    this.#promised += length;
    stream.filled = 0;
    stream.partial = EMPTY;
  }

  /** Where the next chunk begins, or the end of `bytes`. */
  #takeData(stream: ChunkStream, bytes: Buffer, start: number): number {
    const end = Math.min(start + this.#left, bytes.length);
    const count = end - start;
    this.#left -= count;
    if (stream.filled === 0 && count === stream.length) {
      this.#finish(stream, bytes.subarray(start, end));
      return end;
    }
    if (stream.partial === EMPTY) stream.partial = Buffer.allocUnsafeSlow(stream.length);
    bytes.copy(stream.partial as Buffer, stream.filled, start, end);
    stream.filled += count;
    if (stream.filled === stream.length) this.#finish(stream, stream.partial as Buffer);
    else if (this.#left === 0) this.#current = undefined;
    return end;
  }

  #finish(stream: ChunkStream, payload: Buffer): void {
    this.#drop(stream);
    this.#current = undefined;
    const { type, streamId, timestamp } = stream;
    if (type === MessageType.setChunkSize) this.#setChunkSize(payload);
    else if (type === MessageType.abort) this.#abort(payload);
    else this.#onMessage({ type, streamId, timestamp, payload });
  }

  #drop(stream: ChunkStream): void {
    if (!stream.partial) return;
    this.#promised -= stream.length;
    stream.partial = undefined;
    stream.filled = 0;
  }

  #setChunkSize(payload: Buffer): void {
    const size = payload.length >= 4 ? payload.readUInt32BE(0) : 0;
    if (size < 1 || size > 0x7fffffff) throw broken(`a chunk size of ${size}`);
    this.#chunkSize = size;
  }

  #abort(payload: Buffer): void {
    if (payload.length < 4) throw broken('an abort without its chunk stream');
    const stream = this.#streams.get(payload.readUInt32BE(0));
    if (stream) this.#drop(stream);
  }

  #addStream(id: number): ChunkStream {
    if (this.#streams.size === MAX_CHUNK_STREAMS) throw broken('it has too many chunk streams');
    const stream: ChunkStream = {
      timestamp: 0,
      delta: 0,
      extended: false,
      length: 0,
      type: 0,
      streamId: 0,
      partial: undefined,
      filled: 0,
    };
    this.#streams.set(id, stream);
    return stream;
  }
}

function chunkStreamId(head: Buffer, basic: number): number {
  if (basic === 1) return (head[0] as number) & 63;
  return 64 + (basic === 2 ? (head[1] as number) : head.readUInt16LE(1));
}

function broken(detail: string): UploadResponseError {
  return new UploadResponseError('RTMP_PROTOCOL', detail);
}
