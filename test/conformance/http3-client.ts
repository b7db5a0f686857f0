import { Http3Process, type Http3Report, type Http3Request } from '../support/http3-process.js';
import type { Answer, Target, TransportClient, Upload, UploadOptions } from './client.js';

/** HTTP/3 by the engine's own client in a process of its own, one connection for each request. */
export function http3Client(): TransportClient {
  let client: Http3Process | undefined;
  return {
    name: 'http3',
    // The engine keeps the memory of what has come in one burst, here of a whole upload of 1 MB.
    connectionBytes: 1.5 * 2 ** 20,
    // Bodies without a length are part of the suite.
    transports: {
      http3: {
        ...{ enabled: true, port: 0, requireLength: false, maxConnections: 4000 },
        // A thousand connections share one thread here: some wait for their turn.
        idleTimeoutMs: 120_000,
      },
    },
    open(server: Target, { path, method = 'POST', headers, length }: UploadOptions): Upload {
      client ??= new Http3Process();
      const port = server.port('https', 'http3');
      const request = client.request({
        port,
        fields: {
          ':method': method,
          ':scheme': 'https',
          ':authority': `localhost:${port}`,
          ':path': path,
          ...headers,
          ...(length !== undefined && { 'content-length': String(length) }),
        },
      });
      return new Http3Upload(request);
    },
  };
}

class Http3Upload implements Upload {
  readonly answer: Promise<Answer>;
  readonly #request: Http3Request;

  constructor(request: Http3Request) {
    this.#request = request;
    this.answer = request.first('response').then((report) => new Http3Answer(request, report));
    // A test that looks only at what the worker saw does not wait for it.
    this.answer.catch(() => {});
  }

  write(bytes: Uint8Array | string): Promise<void> {
    return this.#request.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  end(): void {
    this.#request.end();
  }

  abort(): void {
    this.#request.close();
  }
}

class Http3Answer implements Answer {
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly #request: Http3Request;
  #at = 0;

  constructor(request: Http3Request, { headers = {} }: Http3Report) {
    this.#request = request;
    this.status = Number(headers[':status']);
    this.headers = headers;
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const report = this.#request.reports[this.#at];
      if (!report) {
        await new Promise<void>((resolve) => this.#request.once('report', () => resolve()));
        continue;
      }
      if (report.event === 'end') return undefined;
      if (report.event === 'error' || report.event === 'closed') {
        throw new Error(`cut: ${JSON.stringify(report)}`);
      }
      this.#at++;
      if (report.data) return Buffer.from(report.data).toString('latin1');
    }
  }

  async text(): Promise<string> {
    let text = '';
    for (let part = await this.next(); part !== undefined; part = await this.next()) text += part;
    return text;
  }
}
