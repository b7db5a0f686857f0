/** Time for the answer to reach the client before the client is told to stop. */
const LEAST_MS = 500;

export interface RestLimits {
  readonly lingerMs: number;
  readonly lingerBytes: number;
}

/** Reads away, within bounds, what comes of a request after its answer. */
export class RestOfRequest {
  readonly #since = performance.now();
  readonly #lingerBytes: number;
  readonly #stop: () => void;
  #timer: NodeJS.Timeout | undefined;
  #readBytes = 0;

  /** `stop`: the client is to send no more. */
  constructor({ lingerMs, lingerBytes }: RestLimits, stop: () => void) {
    this.#lingerBytes = lingerBytes;
    this.#stop = stop;
    this.#timer = setTimeout(() => this.#end(), lingerMs);
  }

  read(bytes: number): void {
    this.#readBytes += bytes;
    if (this.#readBytes <= this.#lingerBytes) return;
    if (performance.now() - this.#since >= LEAST_MS) this.#end();
  }

  /** The request has ended by itself. */
  done(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #end(): void {
    if (this.#timer === undefined) return;
    this.done();
    this.#stop();
  }
}
