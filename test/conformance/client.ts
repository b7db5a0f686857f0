import type { TestServer, TestServerOptions } from '../support/test-server.js';

/** A response head, and its body as it comes. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The whole body. Rejects if the response is cut. */
  text(): Promise<string>;
  /** The next bytes of the body, undefined at its end. Rejects if the response is cut. */
  next(): Promise<string | undefined>;
}

/** A request whose body the test sends by hand. */
export interface Upload {
  /** Resolves when the client's socket has taken the bytes; rejects when the server takes no more. */
  write(bytes: Uint8Array | string): Promise<void>;
  end(trailers?: Readonly<Record<string, string>>): void;
  /** Leaves without a word. */
  abort(): void;
  /** Rejects when the connection ends before the head of a response. */
  readonly answer: Promise<Answer>;
}

export interface UploadOptions {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The length that the client declares; without it the body's end is not known before. */
  readonly length?: number | undefined;
}

/** Where a client finds the server. */
export type Target = Pick<TestServer, 'port' | 'url'>;

/** How the conformance suite speaks to one transport. A transport is in the suite when it has one. */
export interface TransportClient {
  readonly name: string;
  /** What the server may keep in its process of each connection. Bytes. */
  readonly connectionBytes?: number;
  /** What the server's configuration needs for it. */
  readonly transports?: TestServerOptions['transports'];
  /** The suites, and scenarios of others, of things that the protocol does not have. */
  readonly without?: readonly (string | RegExp)[];
  open(server: Target, options: UploadOptions): Upload;
}

/** One thing that every transport must do. */
export interface Scenario {
  readonly name: string;
  run(client: TransportClient, server: TestServer): Promise<void>;
}
