import { UploadResponseError } from '../../errors/index.js';
import { frameOf } from './decode.js';
import { Scanner } from './scanner.js';
import { type DecodeLimits, type Frame, type ResolvedLimits, resolveLimits } from './types.js';

const EMPTY = new Uint8Array(0);
const MIN_CAPACITY = 1024;
/** A larger buffer is not kept once it is empty. */
const MAX_IDLE_CAPACITY = 64 * 1024;

/**
 * Decodes a stream of HPKS frames that arrives in pieces of any size. Each byte is looked at once, so
 * the time is linear in the input however it is cut. What is held is at most `maxFrameBytes` and one
 * piece, in a buffer of at most twice that. Frames of different
 * streams may alternate: which frame may follow which is not checked here.
 *
 *     for await (const chunk of socket) for (const frame of decoder.push(chunk)) handle(frame)
 *     decoder.finish()
 */
export class FrameDecoder {
  readonly #limits: ResolvedLimits;
  readonly #scanner: Scanner;
  /** The input: the last chunk itself, or `#buffer` when the frame began in an earlier one. */
  #input: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #buffer: Uint8Array = EMPTY;
  /** Views of `#buffer` have been given away: it may not be written any more. */
  #lent = false;
  /** Whole frames may be left in the input. */
  #open = false;
  #error: unknown;

  /** @throws UploadResponseError INVALID_ARGUMENT for limits that are not sizes */
  constructor(limits?: DecodeLimits) {
    this.#limits = resolveLimits(limits);
    this.#scanner = new Scanner(false, this.#limits);
  }

  /** Bytes held of a frame that is not whole, or not taken yet. */
  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /**
   * Takes the next bytes and iterates over the frames that they complete. The iteration must reach its
   * end before the next push: one that stopped early goes on with `frames()`. A body's `data` may be a
   * view of `chunk`: do not reuse the chunk while the data is in use.
   *
   * @throws UploadResponseError INVALID_ARGUMENT if frames of the last push are left. The iteration
   *   throws an HPKS error at malformed bytes, after the frames before them, and so does every later call
   */
  push(chunk: Uint8Array): IterableIterator<Frame> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#open) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'take all frames before the next push');
    }
    if (this.#end === 0) {
      this.#input = chunk;
      this.#end = chunk.length;
    } else {
      this.#reserve(this.#end + chunk.length);
      this.#buffer.set(chunk, this.#end);
      this.#input = this.#buffer;
      this.#end += chunk.length;
    }
    this.#open = true;
    return this.frames();
  }

  /** Iterates over the whole frames that the last push left. */
  *frames(): IterableIterator<Frame> {
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) yield frame;
  }

  /** Says that no more bytes come. @throws UploadResponseError HPKS_TRUNCATED inside a frame */
  finish(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.bufferedBytes > 0) throw new UploadResponseError('HPKS_TRUNCATED');
  }

  #next(): Frame | undefined {
    if (this.#error !== undefined) throw this.#error;
    if (!this.#open) return undefined;
    const scanner = this.#scanner;
    try {
      if (!scanner.scan(this.#input, this.#start, this.#end)) {
        this.#keepRest();
        return undefined;
      }
    } catch (error) {
      this.#error = error;
      this.#input = this.#buffer = EMPTY;
      throw error;
    }
    const frame = frameOf(scanner, this.#input, this.#start);
    if (frame.type === 'body' && this.#input === this.#buffer) this.#lent = true;
    this.#start += scanner.position;
    scanner.reset();
    return frame;
  }

  /** Moves what is left of the input to the start of a buffer that is ours. */
  #keepRest(): void {
    this.#open = false;
    const rest = this.#input.subarray(this.#start, this.#end);
    const moved = this.#input !== this.#buffer || this.#start > 0;
    if (this.#lent || (rest.length === 0 && this.#buffer.length > MAX_IDLE_CAPACITY)) {
      this.#buffer = EMPTY;
      this.#lent = false;
    }
    this.#start = 0;
    this.#end = 0;
    if (moved && rest.length > 0) {
      this.#reserve(rest.length);
      this.#buffer.set(rest);
    }
    this.#end = rest.length;
    this.#input = this.#buffer;
  }

  /** Makes room for `size` bytes; doubling, so that small pieces cost linear time. */
  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(size, this.#buffer.length * 2, MIN_CAPACITY));
    grown.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = grown;
  }
}
