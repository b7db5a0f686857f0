import { join } from 'node:path';
import { createServer, type UploadResponseServer } from '../../../src/server.js';
import type { Answer } from '../answer.js';
import { type Deferred, deferred, type Feeder, type RequestStream } from './feeder.js';

/** Writes requests into the segment as a transport does, with the server's own defaults. */
export class RingFeeder implements Feeder {
  readonly #server: UploadResponseServer;

  /** `folder`: for the control socket. */
  static async create(folder: string): Promise<RingFeeder> {
    const socket = join(folder, 'control.sock');
    const server = await createServer({
      segment: { socket },
      http: { port: 0 },
      log: { level: 'error', streams: false },
    });
    await server.listen();
    return new RingFeeder(server, socket);
  }

  private constructor(
    server: UploadResponseServer,
    readonly address: string,
  ) {
    this.#server = server;
  }

  async open(_ready: string, length: number, answer: Answer): Promise<RequestStream> {
    const answered = deferred();
    let drained: Deferred | undefined;
    const exchange = this.#server.ingress.open({
      transport: 'bench',
      pool: 0,
      head: { kind: 'request', version: 1, method: 'POST', path: '/upload', headers: [] },
      contentLength: length,
      sink: {
        head: () => {},
        body: (view, taken) => {
          take(answer, view, answered);
          taken();
          return true;
        },
        trailers: () => {},
        end: () => answered.resolve(),
        fail: (error) => answered.reject(error),
      },
      onResume: () => drained?.resolve(),
    });
    return {
      write: (part) => exchange.writeBody(part),
      drained: () => {
        drained = deferred();
        return drained.promise;
      },
      end: () => exchange.endBody(),
      answered: answered.promise,
    };
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

function take(answer: Answer, view: Uint8Array, answered: Deferred): void {
  try {
    answer.add(view);
  } catch (error) {
    answered.reject(error as Error);
  }
}
