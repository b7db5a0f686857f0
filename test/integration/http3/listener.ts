import { createPrivateKey } from 'node:crypto';
import { generate } from 'selfsigned';
import type { Header } from '../../../src/protocols/hpks/index.js';
import { currentspaceEngine } from '../../../src/transports/http3/currentspace/engine.js';
import type {
  QuicConnection,
  QuicListener,
  QuicOptions,
  QuicStream,
  QuicStreamTaker,
  QuicTaker,
} from '../../../src/transports/http3/quic-engine.js';

/** One request as the engine has told of it. */
export class Seen implements QuicStreamTaker {
  bytes = 0;
  trailerFields: readonly Header[] = [];
  ended = false;
  isGone = false;
  onWritable: () => void = () => {};

  constructor(
    readonly stream: QuicStream,
    readonly fields: ReadonlyMap<string, string>,
  ) {}

  data(bytes: Uint8Array): void {
    this.bytes += bytes.length;
  }

  trailers(fields: readonly Header[]): void {
    this.trailerFields = fields;
  }

  end(): void {
    this.ended = true;
  }

  gone(): void {
    this.isGone = true;
  }

  writable(): void {
    this.onWritable();
  }

  /** Answers with `body`, as the client takes it. */
  answer(status: number, body: Uint8Array, trailers: readonly Header[] = []): void {
    this.stream.head([[':status', String(status)]]);
    let sent = 0;
    const go = (): void => {
      while (sent < body.length) {
        const part = body.subarray(sent, sent + 16_384);
        if (!this.stream.send(part)) return;
        sent += part.length;
      }
      this.onWritable = () => {};
      this.stream.end(trailers);
    };
    this.onWritable = go;
    go();
  }
}

/** The engine on a free port, and what it tells. */
export class TestListener implements QuicTaker {
  readonly connections = new Set<QuicConnection>();
  readonly requests: Seen[] = [];
  readonly failures: Error[] = [];
  listener!: QuicListener;

  static async start(options: Partial<QuicOptions> = {}): Promise<TestListener> {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      curve: 'P-256',
    });
    const key = createPrivateKey(pems.private).export({ type: 'pkcs8', format: 'pem' });
    const taker = new TestListener();
    taker.listener = await currentspaceEngine().listen(
      {
        host: '127.0.0.1',
        port: 0,
        cert: Buffer.from(pems.cert),
        key: Buffer.from(key),
        idleTimeoutMs: 30_000,
        maxConnections: 100,
        maxStreamsPerConnection: 100,
        burstBytes: 2 ** 21,
        maxUnreadBytes: 2 ** 28,
        stallTimeoutMs: 60_000,
        ...options,
      },
      taker,
    );
    return taker;
  }

  get port(): number {
    return this.listener.port;
  }

  connection(connection: QuicConnection): void {
    this.connections.add(connection);
  }

  idle(): void {}

  closed(connection: QuicConnection): void {
    this.connections.delete(connection);
  }

  request(stream: QuicStream, fields: readonly Header[]): QuicStreamTaker {
    const seen = new Seen(stream, new Map(fields));
    this.requests.push(seen);
    return seen;
  }

  failed(error: Error): void {
    this.failures.push(error);
  }
}
