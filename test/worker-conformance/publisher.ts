import type { IngressExchange } from '../../src/ingress/index.js';
import type { TestServer } from '../support/test-server.js';
import { until } from '../support/until.js';

/** An access unit as it stands in a body: 30 bytes, integers big-endian, then the data. */
export function record(id: number, data: Uint8Array, key = false, track = 0): Buffer {
  const head = Buffer.alloc(30);
  head.writeUInt8(0x1b, 0);
  head.writeUInt8((track << 1) | (key ? 1 : 0), 1);
  head.writeBigUInt64BE(BigInt(id), 2);
  head.writeBigInt64BE(BigInt(id * 40), 10);
  head.writeBigInt64BE(BigInt(id * 40), 18);
  head.writeUInt32BE(data.length, 26);
  return Buffer.concat([head, data]);
}

/** What a media transport is to the segment: a live stream, opened in the server's own process. */
export class Publisher {
  readonly #exchange: IngressExchange;
  #resume: () => void = () => {};
  status = 0;

  constructor(server: TestServer) {
    this.#exchange = server.server.ingress.open({
      transport: 'live',
      pool: 0,
      head: { kind: 'request', version: 1, method: 'POST', path: '/live/one', headers: [] },
      sink: {
        head: (status) => {
          this.status = status;
        },
        body: (_, taken) => {
          taken();
          return true;
        },
        trailers: () => {},
        end: () => {},
        fail: (_, answer) => {
          this.status = answer.status;
        },
      },
      onResume: () => this.#resume(),
    });
  }

  /** Publishes one unit in slots of its own, waiting for room. */
  async publish(id: number, data: Uint8Array, key = false): Promise<void> {
    if (key) await this.#whenTaken(() => this.#exchange.beginKeyframe());
    await this.#whenTaken(() => this.#exchange.writeBody(record(id, data, key)));
    await new Promise(setImmediate);
  }

  /** Ends the stream; resolves when the worker has answered. */
  async end(): Promise<void> {
    this.#exchange.endBody();
    await until(() => this.#exchange.over, 'the answer');
  }

  async #whenTaken(write: () => boolean): Promise<void> {
    const resumed = new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    if (!write()) await resumed;
  }
}
