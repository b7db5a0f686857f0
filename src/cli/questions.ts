import { type ErrorCode, UploadResponseError } from '../errors/index.js';

/** A question to the process at the other end of a channel, or the answer to one. */
export interface Question {
  readonly type: 'question';
  readonly id: number;
  readonly about: unknown;
}

export interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: ErrorCode | undefined; readonly message: string };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** Questions that wait for their answers over one channel. */
export class Questions {
  readonly #send: (question: Question) => void;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  constructor(send: (question: Question) => void) {
    this.#send = send;
  }

  /** Rejects with what the other process could not do, or when it does not answer in time. */
  ask<Value>(about: unknown, timeoutMs: number): Promise<Value> {
    const id = this.#next++;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`no answer in ${timeoutMs} ms`));
      }, timeoutMs).unref();
      this.#waiting.set(id, { resolve, reject, timer });
      this.#send({ type: 'question', id, about });
    }) as Promise<Value>;
  }

  /** An answer has come. */
  take({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(errorOf(error));
    else waiting.resolve(value);
  }

  /** The other process has gone. */
  end(): void {
    for (const id of [...this.#waiting.keys()]) {
      this.take({ type: 'answer', id, error: { code: undefined, message: 'the process ended' } });
    }
  }
}

/** Answers a question with what `work` returns or throws. Never rejects. */
export async function answer(id: number, work: () => unknown): Promise<Answer> {
  try {
    return { type: 'answer', id, value: await work() };
  } catch (thrown) {
    const code = thrown instanceof UploadResponseError ? thrown.code : undefined;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return { type: 'answer', id, error: { code, message } };
  }
}

function errorOf({ code, message }: NonNullable<Answer['error']>): Error {
  if (!code) return new Error(message);
  return Object.assign(new UploadResponseError(code), { message });
}
