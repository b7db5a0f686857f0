import { setImmediate as nextTurn } from 'node:timers/promises';

/** About a millisecond of copying and hashing; a macrotask costs a few microseconds. */
const BYTES_PER_TURN = 1 << 20;
/** Weight of a slot beside its bytes, so that tiny slots end a turn too. */
const SLOT_COST = 512;

/**
 * Lets the event loop turn in loops that always find the next slot there: promises alone would keep
 * timers, wakes and the other exchanges of the process from running.
 */
export class Turn {
  #left = BYTES_PER_TURN;

  /** Counts `bytes`; a promise to wait for when the turn is used up. */
  spend(bytes: number): Promise<void> | undefined {
    this.#left -= bytes + SLOT_COST;
    if (this.#left > 0) return undefined;
    this.#left = BYTES_PER_TURN;
    return nextTurn();
  }
}
