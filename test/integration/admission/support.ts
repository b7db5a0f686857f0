import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import type { TestServer } from '../../support/test-server.js';

export interface Question {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly scheme?: 'http' | 'https';
  /** A client certificate, PEM. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface Answered {
  readonly status: number;
  /** Code of the error; undefined where it is none. */
  readonly error: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request on a connection of its own, by undici. Rejects when the connection is cut. */
export async function ask(server: TestServer, question: Question = {}): Promise<Answered> {
  const { path = '/upload/hash', method = 'PUT', body = 'body', scheme = 'http' } = question;
  const { headers = {}, cert, key } = question;
  const connect = { rejectUnauthorized: false, ...(cert && key && { cert, key }) };
  const dispatcher = new Agent({ connect });
  try {
    const url = server.url(path, scheme);
    const answer = await request(url, { method: method as 'PUT', headers, body, dispatcher });
    const text = await answer.body.text();
    const error = answer.statusCode < 400 ? undefined : String(JSON.parse(text).error);
    return { status: answer.statusCode, error, headers: answer.headers, text };
  } finally {
    await dispatcher.destroy();
  }
}

/** Status and error code in one word: `200`, `403 FORBIDDEN`. */
export async function verdict(server: TestServer, question: Question = {}): Promise<string> {
  const { status, error } = await ask(server, question);
  return error === undefined ? String(status) : `${status} ${error}`;
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A small HTTP server of a test: a key set, a callback. What it answers can be changed. */
export class Helper {
  /** Bodies of the requests that came. */
  readonly seen: string[] = [];
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) => {
    response.end();
  };
  readonly #server: Server;

  static async start(): Promise<Helper> {
    const helper = new Helper();
    helper.#server.listen(0, '127.0.0.1');
    await once(helper.#server, 'listening');
    return helper;
  }

  private constructor() {
    this.#server = createServer(async (incoming, response) => {
      let text = '';
      try {
        for await (const chunk of incoming) text += chunk;
      } catch {
        // Whoever asked has left.
        return;
      }
      this.seen.push(text);
      this.answer(response, incoming);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Nobody listens there any more. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
