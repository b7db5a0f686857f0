import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import type { WaitingBudget } from '../../ingress/index.js';
import type { Free, ReadMemory } from './read-memory.js';

/** Bytes that wait are copied into blocks: the first is small, so that a stream never has much more than
 *  it has sent; the next are twice what waits already, up to the largest. */
const SMALLEST_BLOCK_BYTES = 512;
const LARGEST_BLOCK_BYTES = 16 * 1024;

/**
 * What a stream gets while nobody reads it: at most its window. Node alone would keep an object for each
 * DATA frame, and with it the whole buffer that it was read into, so that a client could make a window
 * of small frames cost a hundred times its size; and nobody would count it. Here the bytes are copied
 * together and taken from the budget for what waits.
 *
 * Made before the stream is read; reading by 'data', `pause` and `resume` then is as always. Of Node it
 * uses nothing but that streams hand their bytes on by `push`.
 */
export class BodyQueue {
  /** Called when the budget has no room for what came, which is lost. */
  onOverflow: () => void;
  readonly #stream: ServerHttp2Stream;
  readonly #budget: WaitingBudget;
  readonly #memory: ReadMemory;
  /** The chunk that was handed on last has been used. */
  #usedUp = false;
  #block: Buffer | undefined;
  /** Bytes of the block. */
  #used = 0;
  /** What the budget has given. */
  #counted = 0;
  /** Bytes that are still read away; undefined while somebody wants them. */
  #dropBytes: number | undefined;
  #onMore: () => void = () => {};

  constructor(
    stream: ServerHttp2Stream,
    budget: WaitingBudget,
    memory: ReadMemory,
    onOverflow: () => void,
  ) {
    this.#stream = stream;
    this.#budget = budget;
    this.#memory = memory;
    this.onOverflow = onOverflow;
    stream.push = (chunk: Buffer | null) => this.#push(chunk);
    stream.on('resume', () => this.#flush());
    stream.once('close', () => this.#giveBack(this.#counted));
  }

  /** Whoever reads has used a chunk and keeps nothing of it; within its 'data'. */
  used(free: Free): void {
    this.#usedUp = true;
    this.#memory.used(free);
  }

  /** Gives back what has been read. */
  settle(): void {
    if (this.#counted > 0) this.#giveBack(this.#counted - this.#stream.readableLength - this.#used);
  }

  /** Nobody wants the rest: what waits is lost, and so is what comes. After `bytes` of that `onMore` is
   *  called, and no more is read. */
  drop(bytes = 0, onMore = () => {}): void {
    this.#dropBytes = bytes;
    this.#onMore = onMore;
    this.#used = 0;
    this.#block = undefined;
    this.#giveBack(this.#counted);
    if (this.#stream.listenerCount('data') === 0) this.#stream.on('data', () => {});
    this.#stream.resume();
  }

  #push(chunk: Buffer | null): boolean {
    if (chunk === null) {
      this.#flush();
      return this.#hand(null);
    }
    this.#memory.saw(chunk);
    if (this.#dropBytes !== undefined) return this.#dropped(chunk.length);
    if (this.#stream.readableFlowing === true) {
      this.#flush();
      this.#usedUp = false;
      const more = this.#hand(chunk);
      if (!this.#usedUp) this.#memory.keep();
      return more;
    }
    this.settle();
    if (!this.#budget.take(chunk.length)) {
      this.drop();
      this.onOverflow();
      return false;
    }
    this.#counted += chunk.length;
    this.#keep(chunk);
    return false;
  }

  #dropped(bytes: number): boolean {
    const before = this.#dropBytes as number;
    this.#dropBytes = before - bytes;
    if (this.#dropBytes > 0) return true;
    if (before > 0) this.#onMore();
    return false;
  }

  /** To Node's own queue, and from there to whoever reads. */
  #hand(chunk: Buffer | null): boolean {
    return Readable.prototype.push.call(this.#stream, chunk);
  }

  #keep(chunk: Buffer): void {
    if (this.#block && this.#used + chunk.length > this.#block.length) this.#flush();
    if (!this.#block) {
      const wanted = Math.max(SMALLEST_BLOCK_BYTES, 2 * this.#counted);
      const size = Math.max(chunk.length, Math.min(LARGEST_BLOCK_BYTES, wanted));
      this.#block = Buffer.allocUnsafeSlow(size);
      this.#used = 0;
    }
    this.#used += chunk.copy(this.#block, this.#used);
  }

  #flush(): void {
    if (!this.#block) return;
    const bytes = this.#block.subarray(0, this.#used);
    this.#block = undefined;
    this.#used = 0;
    this.#hand(bytes);
  }

  #giveBack(bytes: number): void {
    this.#counted -= bytes;
    this.#budget.give(bytes);
  }
}
