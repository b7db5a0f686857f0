import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Answer } from '../answer.js';
import { deferred, type Feeder, PIECE_BYTES, type RequestStream } from './feeder.js';

const HEAD_END = Buffer.from('\r\n\r\n');

/** Writes requests into a unix socket, their length before them. */
export class UnixFeeder implements Feeder {
  readonly address: string;

  /** `folder`: for the socket, which the worker makes. */
  constructor(folder: string) {
    this.address = join(folder, 'worker.sock');
  }

  open(_ready: string, length: number, answer: Answer): Promise<RequestStream> {
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(length));
    return openSocket({ path: this.address }, prefix, answer, (part) => answer.add(part));
  }

  async close(): Promise<void> {}
}

/** Sends requests over HTTP/1.1 on loopback. */
export class HttpFeeder implements Feeder {
  readonly address = '-';

  open(ready: string, length: number, answer: Answer): Promise<RequestStream> {
    const fields = `host: localhost\r\ncontent-length: ${length}\r\n`;
    const head = `POST /upload HTTP/1.1\r\n${fields}\r\n`;
    const to = { port: Number(ready), host: '127.0.0.1', noDelay: true };
    return openSocket(to, Buffer.from(head), answer, afterHead(answer));
  }

  async close(): Promise<void> {}
}

/** Reads the answer into one buffer: a buffer for each read would cost the feeder more than the bytes do. */
async function openSocket(
  to: NetConnectOpts,
  first: Buffer,
  answer: Answer,
  take: (part: Uint8Array) => void,
): Promise<RequestStream> {
  const answered = deferred();
  const onread = {
    buffer: Buffer.alloc(PIECE_BYTES),
    callback: (length: number, buffer: Uint8Array) => {
      try {
        take(buffer.subarray(0, length));
        if (!answer.whole) return true;
        answered.resolve();
        socket.destroy();
      } catch (error) {
        answered.reject(error as Error);
      }
      return true;
    },
  };
  const socket = connect({ ...to, allowHalfOpen: true, onread });
  await once(socket, 'connect');
  socket.on('error', answered.reject);
  socket.on('end', () => answered.reject(new Error('the answer broke off')));
  socket.write(first);
  return { ...streamTo(socket), answered: answered.promise };
}

/** Skips the head of an HTTP answer. */
function afterHead(answer: Answer): (part: Uint8Array) => void {
  let head: Buffer | undefined = Buffer.alloc(0);
  return (part) => {
    if (!head) return answer.add(part);
    head = Buffer.concat([head, part]);
    const end = head.indexOf(HEAD_END);
    if (end < 0) return;
    if (!head.toString('latin1', 0, 12).endsWith(' 200')) throw new Error('the answer is not 200');
    const body = head.subarray(end + HEAD_END.length);
    head = undefined;
    answer.add(body);
  };
}

function streamTo(socket: Socket): Omit<RequestStream, 'answered'> {
  return {
    write: (part) => socket.write(part),
    drained: async () => void (await once(socket, 'drain')),
    // The length says where the body ends; servers take half a connection's end for the client's leaving.
    end: () => {},
  };
}
