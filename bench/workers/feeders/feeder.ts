import type { Answer } from '../answer.js';

/** How a worker gets its request; `defaults`: from the ring too, of the pool that nobody has configured. */
export type FeedKind = 'ring' | 'unix' | 'http' | 'defaults';

/** What is written at once, what sockets are read by, and a slot of the ring's pool. */
export const PIECE_BYTES = 256 * 1024;

/** Where a request's bytes go. */
export interface RequestStream {
  /** False: no more until the promise of `drained` resolves. */
  write(part: Uint8Array): boolean;
  drained(): Promise<void>;
  end(): void;
  /** Resolves when the whole answer is there; rejects when it breaks off. */
  readonly answered: Promise<void>;
}

/** Feeds one worker process. */
export interface Feeder {
  /** The worker's second argument. */
  readonly address: string;
  /** `ready`: what the worker printed. `length`: of the body. */
  open(ready: string, length: number, answer: Answer): Promise<RequestStream>;
  close(): Promise<void>;
}

/** A promise and its two ends. */
export interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

export function deferred(): Deferred {
  let resolve = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}
