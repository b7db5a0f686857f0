import { randomBytes } from 'node:crypto';
import { ERRORS, UploadResponseError } from '../errors/index.js';
import { encodeHeaders, type Header, type HttpVersion } from '../protocols/hpks/index.js';
import { Lane, type RingWriter, SlotFlag } from '../ring/index.js';
import { expectOpen, explain } from './gone.js';
import type { Patience } from './patience.js';

const TOKEN_BYTES = 24;

/** How one request writes: whose waits end with `patience`, each after `waitMs`. */
export interface WriteTurn {
  readonly patience: Patience;
  readonly waitMs: number;
  /** The worker lives, and may be waiting for so long. */
  touch(waitMs: number): void;
}

/** A remote worker's right to write one lane: a response, or a stage. */
export class RemoteClaim {
  /** Whoever shows it may write. No other claim has the same, so that it fences late writers off. */
  readonly token = randomBytes(TOKEN_BYTES).toString('base64url');
  readonly #ring: RingWriter;
  readonly #version: HttpVersion;
  #status = 0;
  #written = 0;
  #busy = false;
  #flushing = false;
  #released = false;
  #ended = false;

  /** `version`: of the request, since the answer's head says the same. */
  constructor(ring: RingWriter, version: HttpVersion) {
    this.#ring = ring;
    this.#version = version;
  }

  get stream(): number {
    return this.#ring.streamId;
  }

  get lane(): number {
    return this.#ring.lane;
  }

  /** Body bytes that were taken: the offset at which the next ones belong. */
  get written(): number {
    return this.#written;
  }

  /** Status of the head, 0 before it was written. */
  get status(): number {
    return this.#status;
  }

  /** The end has been written. */
  get ended(): boolean {
    return this.#ended;
  }

  /** @throws UploadResponseError SLOT_TOO_LARGE, FULL, ANSWER_OUT_OF_ORDER, an HPKS error */
  writeHead(status: number, headers: readonly Header[], turn: WriteTurn): Promise<void> {
    return this.#alone(async () => {
      if (this.#status > 0) throw outOfOrder('the head has been written');
      await this.#write(this.#frame(status, headers), SlotFlag.head, turn);
      this.#status = status;
    });
  }

  /**
   * Writes bytes whose first one belongs at `offset` of the body; what was written before is skipped,
   * so that a request can be repeated. What was taken stays, whatever happens: see `written`.
   * @throws UploadResponseError FULL: no room in time; ANSWER_OUT_OF_ORDER, LANE_BUSY
   */
  writeBody(
    chunks: AsyncIterable<Uint8Array>,
    offset: number | undefined,
    turn: WriteTurn,
  ): Promise<void> {
    return this.#alone(async () => {
      this.#expectHead();
      const start = offset ?? this.#written;
      if (start > this.#written) {
        throw outOfOrder(`${this.#written} bytes were written, these begin at ${start}`);
      }
      let skip = this.#written - start;
      for await (const chunk of chunks) {
        turn.touch(0);
        const skipped = Math.min(skip, chunk.length);
        skip -= skipped;
        if (skipped < chunk.length) await this.#append(chunk, skipped, turn);
      }
    });
  }

  /** Writes trailer fields and the end. @throws UploadResponseError as `writeHead` */
  writeEnd(trailers: readonly Header[], turn: WriteTurn): Promise<void> {
    return this.#alone(async () => {
      this.#expectHead();
      if (trailers.length > 0) {
        await this.#write(this.#frame(this.#status || 200, trailers), SlotFlag.trailers, turn);
      }
      while (!this.#attempt(() => this.#ring.tryEnd())) await this.#room(turn);
      this.#ended = true;
    });
  }

  /** Gives up: whoever reads the lane is told. */
  fail(): void {
    this.#attempt(() => this.#ring.fail(ERRORS.WORKER_FAILED.number));
  }

  /** Gives the claim back. Idempotent. */
  release(): void {
    this.#released = true;
    this.#ring.release();
  }

  /** Two requests at once could not know where their bytes would stand. */
  async #alone(write: () => Promise<void>): Promise<void> {
    if (this.#busy) throw new UploadResponseError('LANE_BUSY');
    const { segment, streamId } = this.#ring;
    expectOpen(segment, streamId);
    if (this.#ended) throw outOfOrder('the end has been written');
    this.#busy = true;
    try {
      await write();
    } finally {
      this.#busy = false;
    }
  }

  async #write(frame: Uint8Array, flags: number, turn: WriteTurn): Promise<void> {
    while (!this.#attempt(() => this.#ring.tryWrite(frame, flags))) await this.#room(turn);
  }

  async #append(chunk: Uint8Array, from: number, turn: WriteTurn): Promise<void> {
    for (let at = from; ; ) {
      const taken = this.#attempt(() => this.#ring.tryAppend(chunk, at));
      at += taken;
      this.#written += taken;
      this.#flushSoon();
      if (at === chunk.length) return;
      await this.#room(turn);
    }
  }

  /** What came together shares slots, however the request's bytes were cut on their way. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (this.#ended || this.#released) return;
      try {
        this.#ring.flush();
      } catch {
        // The stream has gone: the next part is told.
      }
    });
  }

  async #room({ patience, waitMs, touch }: WriteTurn): Promise<void> {
    const { segment, streamId } = this.#ring;
    touch(waitMs);
    patience.allow(waitMs);
    try {
      const wait = segment.waitFor(streamId, () => this.#ring.poll(), patience.signal);
      const came = await patience.bounded(wait.then(() => true));
      if (!came) throw new UploadResponseError('FULL', `not within ${waitMs} ms`);
    } catch (error) {
      throw error === patience.signal.reason ? error : explain(segment, streamId, error);
    } finally {
      patience.rest();
    }
  }

  #frame(status: number, headers: readonly Header[]): Uint8Array {
    const head = { kind: 'response', version: this.#version, status, headers } as const;
    return encodeHeaders(this.stream, head);
  }

  /** A stage has no head. */
  #expectHead(): void {
    if (this.lane !== Lane.response || this.#status > 0) return;
    throw outOfOrder('the head comes first');
  }

  #attempt<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw explain(this.#ring.segment, this.stream, error);
    }
  }
}

function outOfOrder(detail: string): UploadResponseError {
  return new UploadResponseError('ANSWER_OUT_OF_ORDER', detail);
}
