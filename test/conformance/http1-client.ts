import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Answer, Target, TransportClient, Upload, UploadOptions } from './client.js';

/** HTTP/1.1 by Node's own client, one connection for each request. */
export function http1Client(name: string, scheme: 'http' | 'https'): TransportClient {
  return {
    name,
    open(server: Target, { path, method = 'POST', headers, length }: UploadOptions): Upload {
      const send = scheme === 'http' ? httpRequest : httpsRequest;
      const request = send(server.url(path, scheme), {
        method,
        headers: {
          ...headers,
          ...(length === undefined
            ? { 'transfer-encoding': 'chunked' }
            : { 'content-length': length }),
        },
        agent: false,
        rejectUnauthorized: false,
      });
      return new Http1Upload(request);
    },
  };
}

class Http1Upload implements Upload {
  readonly answer: Promise<Answer>;
  readonly #request: ClientRequest;

  constructor(request: ClientRequest) {
    this.#request = request;
    this.answer = new Promise((resolve, reject) => {
      request.once('response', (response) => resolve(new Http1Answer(response)));
      request.on('error', reject);
      request.once('close', () => reject(new Error('closed without a response')));
    });
    // A test that looks only at what the worker saw does not wait for it.
    this.answer.catch(() => {});
    request.flushHeaders();
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => reject(error);
      this.#request.once('error', failed);
      this.#request.write(bytes, (error) => {
        this.#request.off('error', failed);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  end(trailers?: Readonly<Record<string, string>>): void {
    if (trailers) this.#request.addTrailers(trailers);
    this.#request.end();
  }

  abort(): void {
    this.#request.destroy();
  }
}

class Http1Answer implements Answer {
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly #response: IncomingMessage;
  readonly #closed: Promise<unknown>;

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.#closed = once(response, 'close');
    this.#closed.catch(() => {});
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const chunk = this.#response.read() as Buffer | null;
      if (chunk) return chunk.toString('latin1');
      if (this.#response.readableEnded) return undefined;
      await this.#changed();
      if (this.#response.destroyed && !this.#response.complete) throw new Error('cut');
    }
  }

  /** Something came, or nothing will. */
  async #changed(): Promise<void> {
    const done = new AbortController();
    const { signal } = done;
    const changes = ['readable', 'end'].map((event) => once(this.#response, event, { signal }));
    for (const change of changes) change.catch(() => {});
    try {
      await Promise.race([...changes, this.#closed]);
    } finally {
      done.abort();
    }
  }

  async text(): Promise<string> {
    let text = '';
    for (let part = await this.next(); part !== undefined; part = await this.next()) text += part;
    return text;
  }
}
