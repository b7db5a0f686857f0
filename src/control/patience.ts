import { UploadResponseError } from '../errors/index.js';

/** Never leaves `bounded`: one for all spares its stack. */
const OVER = new UploadResponseError('TIMED_OUT');

/**
 * How long one request may wait. Its signal ends every wait of the request: when the time is over, the
 * client has gone, or the API closes.
 */
export class Patience {
  /** Made when something waits: most requests find at once what they ask for. */
  #controller: AbortController | undefined;
  #reason: UploadResponseError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timedOut = false;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** The time is over: that is no error. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** From now on the request may wait for so long. */
  allow(ms: number): void {
    clearTimeout(this.#timer);
    if (ms <= 0) this.#timeOut();
    else this.#timer = setTimeout(() => this.#timeOut(), ms);
  }

  /** Nothing is waited for. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Ends every wait for this reason. */
  end(reason: UploadResponseError): void {
    this.rest();
    this.#abort(reason);
  }

  /**
   * What `wait` resolves with, or undefined when the time was over before.
   * @throws UploadResponseError why the waiting ended, or what `wait` rejects with
   */
  async bounded<T>(wait: Promise<T>): Promise<T | undefined> {
    try {
      return await wait;
    } catch (error) {
      if (this.#timedOut && error === this.#reason) return undefined;
      throw error;
    }
  }

  #timeOut(): void {
    if (this.#reason) return;
    this.#timedOut = true;
    this.#abort(OVER);
  }

  #abort(reason: UploadResponseError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
