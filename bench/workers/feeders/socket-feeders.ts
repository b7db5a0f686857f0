import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Answer } from '../answer.js';
import { deferred, type Feeder, type RequestStream } from './feeder.js';

/** Writes requests into a unix socket, their length before them. */
export class UnixFeeder implements Feeder {
  readonly address: string;

  /** `folder`: for the socket, which the worker makes. */
  constructor(folder: string) {
    this.address = join(folder, 'worker.sock');
  }

  async open(_ready: string, length: number, answer: Answer): Promise<RequestStream> {
    const socket = connect({ path: this.address, allowHalfOpen: true });
    await once(socket, 'connect');
    const answered = deferred();
    takeAll(socket, answer, answered);
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(length));
    socket.write(prefix);
    return { ...streamTo(socket), answered: answered.promise };
  }

  async close(): Promise<void> {}
}

/** Sends requests over HTTP/1.1 on loopback, by Node's own client. */
export class HttpFeeder implements Feeder {
  readonly address = '-';

  async open(ready: string, length: number, answer: Answer): Promise<RequestStream> {
    const answered = deferred();
    const headers = { 'content-length': length };
    const out = request({ port: Number(ready), host: '127.0.0.1', method: 'POST', headers });
    out.setNoDelay(true);
    out.on('response', (response) => takeAll(response, answer, answered));
    out.on('error', answered.reject);
    out.flushHeaders();
    return { ...streamTo(out), answered: answered.promise };
  }

  async close(): Promise<void> {}
}

function takeAll(
  stream: Readable,
  answer: Answer,
  { resolve, reject }: { resolve(): void; reject(error: Error): void },
): void {
  stream.on('data', (part: Buffer) => {
    try {
      answer.add(part);
    } catch (error) {
      reject(error as Error);
    }
  });
  stream.on('end', resolve).on('error', reject);
}

function streamTo(stream: Writable): Omit<RequestStream, 'answered'> {
  return {
    write: (part) => stream.write(part),
    drained: async () => void (await once(stream, 'drain')),
    end: () => void stream.end(),
  };
}
