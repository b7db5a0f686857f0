import type { HandleGuard } from './handle-guard.js';
import type { NativeStream } from './stream.js';

/** Until it is looked again whether every ended connection is known. */
const LOOK_MS = 1;

/** When what may be sent: commands wait, in order, until every ended connection is known, and streams
 *  take turns. */
export class SendQueue {
  readonly #guard: HandleGuard;
  #held: (() => void)[] = [];
  #turns = new Set<NativeStream>();

  constructor(guard: HandleGuard) {
    this.#guard = guard;
  }

  /** Something that is sent now reaches whom it is for. */
  get isCurrent(): boolean {
    return this.#held.length === 0 && this.#guard.isCurrent();
  }

  /** Now, or when the ends that are on their way have been dealt with. */
  whenCurrent(command: () => void): void {
    if (this.isCurrent) {
      command();
      return;
    }
    this.#held.push(command);
    if (this.#held.length === 1) setImmediate(this.#release);
  }

  /** The stream is woken in the next turn of the event loop. */
  waitForTurn(stream: NativeStream): void {
    this.#turns.add(stream);
    if (this.#turns.size === 1) setImmediate(this.#turn);
  }

  close(): void {
    this.#held = [];
    this.#turns.clear();
  }

  readonly #release = (): void => {
    if (this.#held.length === 0) return;
    if (!this.#guard.isCurrent()) {
      setTimeout(this.#release, LOOK_MS);
      return;
    }
    for (const command of this.#held.splice(0)) command();
  };

  readonly #turn = (): void => {
    const streams = this.#turns;
    this.#turns = new Set();
    for (const stream of streams) stream.wake();
  };
}
