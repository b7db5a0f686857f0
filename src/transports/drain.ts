/** The end of a transport's service: what runs may finish, until time is up. */
export class Drain {
  readonly #isEmpty: () => boolean;
  readonly #cut: () => void;
  #begun = false;
  #onEmpty: (() => void)[] = [];

  /** `isEmpty`: nothing is left that has to end. `cut` ends all of it at once; whoever sees something end
   *  calls `left`. */
  constructor(isEmpty: () => boolean, cut: () => void) {
    this.#isEmpty = isEmpty;
    this.#cut = cut;
  }

  /** Nothing new is taken any more. */
  get begun(): boolean {
    return this.#begun;
  }

  /** `finish` tells what is there, now, to end when what runs on it has ended. Resolves when nothing is
   *  left; when `signal` aborts, all of it is cut. */
  async run(signal: AbortSignal, finish: () => void): Promise<void> {
    this.#begun = true;
    finish();
    const cut = () => this.#cut();
    if (signal.aborted) cut();
    else signal.addEventListener('abort', cut, { once: true });
    await this.#empty();
    signal.removeEventListener('abort', cut);
  }

  /** Cuts all of it. */
  async close(): Promise<void> {
    this.#begun = true;
    this.#cut();
    await this.#empty();
  }

  /** Something has ended. */
  left(): void {
    if (this.#isEmpty()) for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  #empty(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }
}
