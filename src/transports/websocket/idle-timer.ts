/** Calls back once something has been idle for a while without a break. */
export class IdleTimer {
  readonly #timeoutMs: number;
  readonly #onTime: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, onTime: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onTime = onTime;
  }

  /** Says whether it is idle now; saying so again changes nothing. */
  set(idle: boolean): void {
    if (!idle) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= setTimeout(this.#onTime, this.#timeoutMs);
    }
  }
}
