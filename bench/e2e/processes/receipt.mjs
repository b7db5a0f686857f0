// What a process has received of one transfer after the other. The parent says `expect` before each, and
// asks for what was `received`.

import { createHash } from 'node:crypto';

export class Receipt {
  #digest;
  #bytes = 0;
  #lastByteNs = 0n;
  #over = withResolvers();

  add(bytes) {
    this.#bytes += bytes.length;
    this.#digest?.update(bytes);
    this.#lastByteNs = process.hrtime.bigint();
  }

  end() {
    const sha256 = this.#digest?.digest('hex');
    this.#over.resolve({ bytes: this.#bytes, lastByteNs: Number(this.#lastByteNs), sha256 });
  }

  fail(error) {
    this.#over.reject(error);
  }

  get handlers() {
    return {
      expect: ({ digest }) => {
        this.#digest = digest ? createHash('sha256') : undefined;
        this.#bytes = 0;
        this.#lastByteNs = 0n;
        this.#over = withResolvers();
        // It is asked for later.
        this.#over.promise.catch(() => {});
      },
      received: () => this.#over.promise,
    };
  }
}

function withResolvers() {
  let settle;
  const promise = new Promise((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
