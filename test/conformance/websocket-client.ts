import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type RawData, WebSocket } from 'ws';
import type { Answer, Target, TransportClient, Upload, UploadOptions } from './client.js';

/** Larger writes go out as several messages: the server takes no larger ones. */
const MESSAGE_BYTES = 256 * 1024;

/** The close code that goes with the status of an error: docs/transports/websocket.md. */
function closeCodeFor(status: number): number {
  if (status === 400) return 1002;
  if (status === 413) return 1009;
  if (status === 503) return 1013;
  return status < 500 ? 1008 : 1011;
}

/** WebSocket by the package `ws`: one connection for each request, which asks for the answer's head. */
export function webSocketClient(name: string, scheme: 'ws' | 'wss'): TransportClient {
  return {
    name,
    open(server: Target, { path, headers = {}, length }: UploadOptions): Upload {
      const url = new URL(server.url(path, scheme));
      // Both ways to ask for the head.
      if (scheme === 'wss') url.searchParams.set('ur-head', '1');
      if (length !== undefined) url.searchParams.set('ur-length', String(length));
      const protocols = scheme === 'ws' ? ['upload-response.head.v1'] : [];
      const options = { headers, rejectUnauthorized: false, perMessageDeflate: false };
      return new WebSocketUpload(new WebSocket(url, protocols, options));
    },
  };
}

class WebSocketUpload implements Upload {
  readonly answer: Promise<Answer>;
  readonly #socket: WebSocket;
  readonly #open: Promise<unknown>;
  #answered = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#open = Promise.race([
      once(socket, 'open'),
      once(socket, 'unexpected-response').then(() => {
        throw new Error('the server refused');
      }),
    ]);
    this.answer = new Promise((resolve, reject) => {
      socket.once('message', (data, isBinary) => {
        this.#answered = true;
        assert.equal(isBinary, false, 'the head comes first');
        resolve(new WebSocketAnswer(socket, JSON.parse(String(data))));
      });
      socket.once('unexpected-response', (_request, response) => resolve(refusal(response)));
      socket.once('close', () => {
        if (!this.#answered) reject(new Error('closed without a response'));
      });
    });
    // After a refusal, and where a test looks only at what the worker saw.
    socket.on('error', () => {});
    this.#open.catch(() => {});
    this.answer.catch(() => {});
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    await this.#open;
    const all = Buffer.from(bytes as Uint8Array);
    const sent: Promise<void>[] = [];
    for (let at = 0; at < all.length; at += MESSAGE_BYTES) {
      sent.push(this.#send(all.subarray(at, at + MESSAGE_BYTES)));
    }
    await Promise.all(sent);
  }

  end(): void {
    void this.#open.then(
      () => this.#send(Buffer.alloc(0)).catch(() => {}),
      () => {},
    );
  }

  abort(): void {
    this.#socket.terminate();
  }

  #send(message: Buffer): Promise<void> {
    // Who has its answer is not disturbed by the close that follows it.
    return new Promise((resolve, reject) =>
      this.#socket.send(message, (error) => (error && !this.#answered ? reject(error) : resolve())),
    );
  }
}

/** An answer of HTTP in place of the upgrade. */
export async function refusal(response: IncomingMessage): Promise<Answer> {
  let body = '';
  for await (const chunk of response.setEncoding('latin1')) body += chunk;
  let left: string | undefined = body;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: async () => body,
    next: async () => {
      const next = left;
      left = undefined;
      return next || undefined;
    },
  };
}

/** The first message, of either kind. */
type FirstMessage =
  | { readonly type: 'head'; readonly status: number; readonly headers: [string, string][] }
  | {
      readonly type: 'error';
      readonly status: number;
      readonly headers: [string, string][];
      readonly error: string;
      readonly message: string;
      readonly remedy: string;
    };

class WebSocketAnswer implements Answer {
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly #first: FirstMessage;
  readonly #parts: Buffer[] = [];
  #close: { readonly code: number; readonly reason: string } | undefined;
  #wake = (): void => {};

  constructor(socket: WebSocket, first: FirstMessage) {
    this.#first = first;
    this.status = first.status;
    this.headers = Object.fromEntries(first.headers);
    socket.on('message', (data: RawData, isBinary) => {
      // A text message within the body says why there is no more of it; the close says so too.
      if (isBinary) this.#parts.push(data as Buffer);
      this.#wake();
    });
    socket.once('close', (code, reason) => {
      this.#close = { code, reason: reason.toString() };
      this.#wake();
    });
  }

  async next(): Promise<string | undefined> {
    while (this.#parts.length === 0 && !this.#close) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const part = this.#parts.shift();
    if (part) return part.toString('latin1');
    const { code, reason } = this.#close as { code: number; reason: string };
    if (code !== 1000) throw new Error(`closed with ${code} ${reason}`);
    return undefined;
  }

  /** Of an error: its message, once the close has said the same. */
  async text(): Promise<string> {
    if (this.#first.type === 'error') {
      const { status, error } = this.#first;
      await assert.rejects(this.next());
      assert.equal(this.#close?.code, closeCodeFor(status));
      assert.match(this.#close?.reason ?? '', new RegExp(`^${status} ${error}: `));
      return JSON.stringify(this.#first);
    }
    let text = '';
    for (let part = await this.next(); part !== undefined; part = await this.next()) text += part;
    return text;
  }
}
