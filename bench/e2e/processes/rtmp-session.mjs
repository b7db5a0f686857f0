// The client's side of RTMP and RTMPS, as far as a publisher needs it.

import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { writeAmf0 } from '../../../dist/protocols/amf0/index.js';
import {
  chunks,
  HANDSHAKE_BYTES,
  MessageType,
  mediaChunks,
} from '../../../dist/protocols/rtmp/index.js';

const FIRST_CHUNK_BYTES = 128;
const HOST = '127.0.0.1';
const APP = 'bench';
const STREAM = 1;
const CHUNK_STREAM = 4;

/** Resolves with a connection, over TLS if `secure`. */
export async function connectSocket(port, secure) {
  const socket = secure
    ? connectTls({ port, host: HOST, rejectUnauthorized: false })
    : connect({ port, host: HOST });
  socket.setNoDelay(true);
  await once(socket, secure ? 'secureConnect' : 'connect');
  return socket;
}

export class RtmpSession {
  #received = Buffer.alloc(0);
  #chunkBytes = FIRST_CHUNK_BYTES;
  #waiting;

  /** Resolves when the server has let it publish. */
  static async publish({ port, secure, key, chunkBytes }) {
    const session = new RtmpSession(await connectSocket(port, secure));
    await session.#shakeHands();
    const tcUrl = `${secure ? 'rtmps' : 'rtmp'}://${HOST}:${port}/${APP}`;
    const size = Buffer.alloc(4);
    size.writeUInt32BE(chunkBytes);
    session.socket.write(chunks(MessageType.setChunkSize, 0, size, FIRST_CHUNK_BYTES, 2));
    session.#chunkBytes = chunkBytes;
    session.#command(0, 'connect', 1, { app: APP, tcUrl });
    session.#command(0, 'createStream', 2, null);
    session.#command(STREAM, 'publish', 3, null, key, 'live');
    await session.until('NetStream.Publish.Start');
    return session;
  }

  constructor(socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#look();
    });
    socket.once('close', () => this.#waiting?.reject(closed()));
  }

  /** Resolves when the server has said so. What it said before is forgotten. */
  async until(text) {
    await this.#heard(() => this.#received.includes(text));
    this.#received = Buffer.alloc(0);
  }

  /** A message of audio or video in chunks, ready to be written. */
  media(type, timestamp, payload) {
    return mediaChunks(type, STREAM, timestamp, payload, this.#chunkBytes, CHUNK_STREAM);
  }

  /** The command that ends the publication, ready to be written. */
  closeStream() {
    const values = writeAmf0('closeStream', 0, null);
    return chunks(MessageType.commandAmf0, STREAM, values, this.#chunkBytes);
  }

  #command(stream, ...values) {
    const bytes = chunks(MessageType.commandAmf0, stream, writeAmf0(...values), this.#chunkBytes);
    this.socket.write(bytes);
  }

  async #shakeHands() {
    this.socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(HANDSHAKE_BYTES)]));
    const answerBytes = 1 + 2 * HANDSHAKE_BYTES;
    await this.#heard(() => this.#received.length >= answerBytes);
    this.socket.write(this.#received.subarray(1, 1 + HANDSHAKE_BYTES));
    this.#received = this.#received.subarray(answerBytes);
  }

  #heard(isEnough) {
    return new Promise((resolve, reject) => {
      if (this.socket.closed) reject(closed());
      this.#waiting = { isEnough, resolve, reject };
      this.#look();
    });
  }

  #look() {
    if (this.#waiting?.isEnough()) this.#waiting.resolve();
  }
}

const closed = () => new Error('the server has closed the connection');
