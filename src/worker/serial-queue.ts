/** Runs asynchronous operations one after the other, in the order of their calls. */
export class SerialQueue {
  #tail: Promise<void> = Promise.resolve();
  #length = 0;

  /** Operations that have not ended. */
  get length(): number {
    return this.#length;
  }

  /** Resolves when every operation so far has ended. Never rejects. */
  idle(): Promise<void> {
    return this.#tail;
  }

  /** Resolves or rejects as `operation` does; a rejection that nobody waits for is harmless. */
  add(operation: () => Promise<void>): Promise<void> {
    this.#length++;
    const step = this.#tail.then(operation);
    this.#tail = step
      .catch(() => undefined)
      .then(() => {
        this.#length--;
      });
    return step;
  }
}

/** A rejection that may be ignored without crashing the process. */
export function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}
