import { Http3Process, type Http3Request } from '../../support/http3-process.js';
import type { TestServer, TestServerOptions } from '../../support/test-server.js';
import { within } from '../../support/until.js';

/** HTTP/3 on a free port. */
export const HTTP3: NonNullable<TestServerOptions['transports']> = {
  http3: { enabled: true, port: 0 },
};

/** A whole response. */
export interface Http3Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

/** A client of its own process. */
export class Http3Client {
  readonly process = new Http3Process();

  constructor(readonly server: TestServer) {}

  get port(): number {
    return this.server.port('https', 'http3');
  }

  /** Opens a request whose body the test sends. `fields` come after the pseudo-header fields, and
   *  replace them by name. */
  open(path: string, fields: Record<string, string | string[]> = {}): Http3Request {
    const pseudo = {
      ':method': 'POST',
      ':scheme': 'https',
      ':authority': `localhost:${this.port}`,
      ':path': path,
    };
    return this.process.request({ port: this.port, fields: { ...pseudo, ...fields } });
  }

  /** Sends a request with a body of a declared length, and waits for all of the answer. */
  async post(
    path: string,
    body: Uint8Array | string = '',
    fields: Record<string, string | string[]> = {},
  ): Promise<Http3Response> {
    const bytes = Buffer.from(body);
    const request = this.open(path, { 'content-length': String(bytes.length), ...fields });
    if (bytes.length > 0) await request.write(bytes).catch(() => {});
    request.end();
    return this.response(request);
  }

  /** Waits for all of an answer. */
  async response(request: Http3Request): Promise<Http3Response> {
    const { headers = {} } = await within(request.first('response'), 'a response');
    await within(request.first('end'), 'the end of the response');
    const body = request.reports.map(({ data }) => Buffer.from(data ?? '').toString()).join('');
    request.close();
    return { status: Number(headers[':status']), headers, body };
  }
}
