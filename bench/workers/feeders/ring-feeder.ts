import { join } from 'node:path';
import { createServer, type UploadResponseServer } from '../../../src/server.js';
import type { Answer } from '../answer.js';
import { type Deferred, deferred, type Feeder, PIECE_BYTES, type RequestStream } from './feeder.js';

/** For few large uploads: 4 MB of each, where the default pool has 2.5 MB. */
const LARGE_UPLOADS = {
  name: 'uploads',
  streams: 16,
  slotSize: PIECE_BYTES,
  requestSlots: 8,
  responseSlots: 8,
};

/** Writes requests into the segment as a transport does. */
export class RingFeeder implements Feeder {
  readonly #server: UploadResponseServer;

  /** `folder`: for the control socket. `defaults`: with the server's own pool. */
  static async create(folder: string, defaults: boolean): Promise<RingFeeder> {
    const socket = join(folder, 'control.sock');
    const server = await createServer({
      segment: defaults ? { socket } : { socket, pools: [LARGE_UPLOADS] },
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
