import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import type { TestScheme, TestServer } from './test-server.js';
import { until, within } from './until.js';

/** A message as `ws` has it. */
export interface Message {
  readonly isBinary: boolean;
  readonly data: Buffer;
}

export interface TestSocketOptions extends ClientOptions {
  readonly protocols?: readonly string[];
  readonly scheme?: Extract<TestScheme, 'ws' | 'wss'>;
}

/** A client by the package `ws` that keeps what comes. */
export class TestSocket {
  readonly messages: Message[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #taken = 0;

  static async open(
    server: TestServer,
    path: string,
    { protocols = [], scheme = 'ws', ...options }: TestSocketOptions = {},
  ): Promise<TestSocket> {
    const socket = new WebSocket(server.url(path, scheme), [...protocols], {
      rejectUnauthorized: false,
      perMessageDeflate: false,
      ...options,
    });
    const test = new TestSocket(socket);
    await within(once(socket, 'open'), 'the upgrade');
    return test;
  }

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data, isBinary) =>
      this.messages.push({ data: data as Buffer, isBinary }),
    );
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    socket.on('error', () => {});
  }

  /** Text, or bytes; nothing: an empty binary message. */
  send(data: string | Uint8Array = Buffer.alloc(0)): void {
    this.socket.send(data);
  }

  /** A message of the exchanges' protocol. */
  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The next message. Rejects if the connection is closed before it. */
  async next(): Promise<Message> {
    await until(() => this.messages.length > this.#taken || this.closed !== undefined, 'a message');
    const message = this.messages[this.#taken++];
    if (!message) throw new Error(`closed with ${this.closed?.code} ${this.closed?.reason}`);
    return message;
  }

  /** The next message, which must be text. */
  async nextJson(): Promise<Record<string, unknown>> {
    const { data, isBinary } = await this.next();
    if (isBinary) throw new Error(`bytes and no text: ${data.toString('latin1', 0, 100)}`);
    return JSON.parse(data.toString()) as Record<string, unknown>;
  }

  /** The bytes of all messages up to the next text message, or the close. */
  async body(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      await until(
        () => this.messages.length > this.#taken || this.closed !== undefined,
        'the next part of a body',
      );
      const message = this.messages[this.#taken];
      if (!message?.isBinary) return Buffer.concat(parts);
      this.#taken++;
      parts.push(message.data);
    }
  }

  /** How the server closed the connection. */
  async close(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined, 'the close');
    return this.closed as { code: number; reason: string };
  }

  terminate(): void {
    this.socket.terminate();
  }
}

/** One whole answer of several on a connection: its head or error, its body, and its end. */
export async function answerOf(client: TestSocket) {
  const first = await client.nextJson();
  if (first.type === 'error') return { first, body: '', last: first };
  const body = (await client.body()).toString('latin1');
  return { first, body, last: await client.nextJson() };
}

/** The server closes so. */
export async function closedWith(client: TestSocket, code: number, reason: RegExp): Promise<void> {
  const closed = await client.close();
  assert.equal(closed.code, code, closed.reason);
  assert.match(closed.reason, reason);
}
