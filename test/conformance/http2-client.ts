import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Answer, Target, TransportClient, Upload, UploadOptions } from './client.js';

/** HTTP/2 by Node's own client, one connection for each request. */
export function http2Client(name: string, scheme: 'https' | 'http'): TransportClient {
  return {
    name,
    open(server: Target, { path, method = 'POST', headers, length }: UploadOptions): Upload {
      const origin = `${scheme}://127.0.0.1:${server.port(scheme, 'http2')}`;
      const session = connect(origin, { rejectUnauthorized: false });
      const declared = length === undefined ? {} : { 'content-length': length };
      const stream = session.request(
        { ':method': method, ':path': path, ...headers, ...declared },
        { endStream: false, waitForTrailers: true },
      );
      return new Http2Upload(session, stream);
    },
  };
}

class Http2Upload implements Upload {
  readonly answer: Promise<Answer>;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #trailers: Readonly<Record<string, string>> = {};

  constructor(session: ClientHttp2Session, stream: ClientHttp2Stream) {
    this.#session = session;
    this.#stream = stream;
    this.answer = new Promise((resolve, reject) => {
      stream.once('response', (headers) => resolve(new Http2Answer(stream, headers)));
      stream.on('error', reject);
      stream.once('close', () => reject(new Error('closed without a response')));
      session.on('error', reject);
    });
    // A test that looks only at what the worker saw does not wait for it.
    this.answer.catch(() => {});
    stream.once('wantTrailers', () => stream.sendTrailers(this.#trailers));
    stream.once('close', () => session.close());
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const gone = () => reject(new Error('the stream is closed'));
      this.#stream.once('close', gone);
      this.#stream.write(bytes, (error) => {
        this.#stream.off('close', gone);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  end(trailers?: Readonly<Record<string, string>>): void {
    this.#trailers = trailers ?? {};
    this.#stream.end();
  }

  abort(): void {
    this.#session.destroy();
  }
}

class Http2Answer implements Answer {
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly #stream: ClientHttp2Stream;
  /** Looks again whether there is something. */
  #look = () => {};

  constructor(stream: ClientHttp2Stream, headers: Answer['headers'] & { ':status'?: unknown }) {
    this.#stream = stream;
    this.status = Number(headers[':status']);
    this.headers = headers;
    for (const event of ['readable', 'end', 'close']) stream.on(event, () => this.#look());
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const chunk = this.#stream.read() as Buffer | null;
      if (chunk) return chunk.toString('latin1');
      if (this.#stream.readableEnded) return undefined;
      if (this.#stream.destroyed) throw new Error('cut');
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  async text(): Promise<string> {
    let text = '';
    for (let part = await this.next(); part !== undefined; part = await this.next()) text += part;
    return text;
  }
}
