import { UploadResponseError } from '../errors/index.js';
import { decodeHeaders, type Header } from '../protocols/hpks/index.js';
import { type RingReader, type Slot, SlotFlag } from '../ring/index.js';
import { Chunk } from './chunk.js';
import type { ScopePart, StreamScope } from './stream-scope.js';
import { Turn } from './turn.js';

/** How the bodies of a worker are read. */
export interface BodyOptions {
  /** Chunks are private copies; their slots are released before they are handed out. */
  readonly copy: boolean;
  /** Compares every slot with its XXH3-64 before it is handed out. */
  readonly verify: boolean;
}

/**
 * The body of a lane as chunks. It can be iterated once: an iteration that was left with `break` is
 * gone on with by the next one.
 */
export class LaneBody implements AsyncIterable<Chunk>, ScopePart {
  readonly #scope: StreamScope;
  readonly #reader: RingReader;
  readonly #options: BodyOptions;
  readonly #turn = new Turn();
  #current: Chunk | undefined;
  #pulling = false;
  #used = false;
  #ended = false;
  #trailers: readonly Header[] = [];

  /** @internal */
  constructor(scope: StreamScope, reader: RingReader, options: BodyOptions) {
    this.#scope = scope;
    this.#reader = reader;
    this.#options = options;
  }

  /** The end was reached: everything before it was read and was whole. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Somebody has begun to read. */
  get used(): boolean {
    return this.#used;
  }

  /** Trailer fields; empty before the end was reached. */
  get trailers(): readonly Header[] {
    return this.#trailers;
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk, undefined, undefined> {
    return {
      next: async () => {
        const value = await this.pull();
        return value ? { done: false, value } : { done: true, value: undefined };
      },
      return: async () => {
        this.#releaseCurrent();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * The next chunk, or undefined at the end. Releases the one before unless it was retained.
   * @throws UploadResponseError the reason of the abort; EVICTED, before data that may have been
   *   overwritten passes for good; HASH_MISMATCH when verifying; LANE_ENDED, INVALID_ARGUMENT
   */
  async pull(): Promise<Chunk | undefined> {
    if (this.#pulling) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'the body is being read by somebody else');
    }
    this.#pulling = true;
    this.#used = true;
    try {
      this.#releaseCurrent();
      while (!this.#ended) {
        this.#scope.throwIfOver();
        const slot = this.#reader.tail();
        if (!slot) {
          await this.#more();
          continue;
        }
        const chunk = this.#take(slot);
        if (!chunk) continue;
        const turn = this.#turn.spend(chunk.length);
        if (turn) await turn;
        return chunk;
      }
      return undefined;
    } catch (error) {
      throw this.#scope.explain(error);
    } finally {
      this.#pulling = false;
    }
  }

  /**
   * Reads on to the end and drops what comes, so that the client is not kept waiting. Whoever does not
   * want a body must say so with this. A rejection that nobody waits for does not crash the process.
   * @throws UploadResponseError as `pull`
   */
  discard(): Promise<void> {
    const done = this.#drain();
    done.catch(() => undefined);
    return done;
  }

  /** @internal Called by a chunk that is not needed any more. */
  releaseSlot(slot: number): void {
    try {
      this.#giveBack(slot);
    } catch (error) {
      throw this.#scope.explain(error);
    } finally {
      this.#scope.takeBack();
    }
  }

  close(): void {
    this.#reader.leave();
  }

  async #drain(): Promise<void> {
    while (await this.pull());
  }

  #take(slot: Slot): Chunk | undefined {
    const { id, bytes, flags } = slot;
    if (flags & SlotFlag.end) {
      this.#giveBack(id);
      this.#ended = true;
      return undefined;
    }
    if (this.#options.verify) this.#reader.verify(id);
    if (flags & SlotFlag.body) {
      if (this.#options.copy) {
        const copy = bytes.slice();
        this.#giveBack(id);
        return new Chunk(id, copy, undefined);
      }
      this.#scope.lend();
      this.#current = new Chunk(id, bytes, this);
      return this.#current;
    }
    if (flags & SlotFlag.trailers) {
      const copy = bytes.slice();
      this.#giveBack(id);
      this.#trailers = decodeHeaders(copy).frame.head.headers;
    } else {
      this.#giveBack(id);
    }
    return undefined;
  }

  /** Releases a slot and makes sure that nothing was overwritten before. */
  #giveBack(slot: number): void {
    const { native, segment, lane, left } = this.#reader;
    if (left) return;
    this.#reader.release(slot);
    // Out of order nothing is acknowledged yet, so an eviction would go unnoticed.
    if (native.cursor >= slot) return;
    const places = segment.native.readersOf(this.#scope.id, lane, segment.worker);
    if (places === 0) throw new UploadResponseError('EVICTED');
  }

  #releaseCurrent(): void {
    const chunk = this.#current;
    this.#current = undefined;
    if (chunk && !chunk.retained) chunk.release();
  }

  #more(): Promise<void> {
    return this.#reader.wait(this.#scope.waits);
  }
}
