import { UploadResponseError } from '../errors/index.js';
import { encodeHeaders, type Head } from '../protocols/hpks/index.js';
import { type RingWriter, SlotFlag } from '../ring/index.js';
import { type BodyData, toBytes } from './body-data.js';
import { type HeadersInput, headerList } from './head.js';
import { rejected, SerialQueue } from './serial-queue.js';
import { LEFT_TO_SERVER, type ScopePart, type StreamScope } from './stream-scope.js';
import { Turn } from './turn.js';

const DONE = Promise.resolve();
const NOTHING = new Uint8Array(0);

/**
 * Writes one lane: a response's or a stage's. Operations are done in the order of their calls. Small
 * writes of one turn of the event loop share a slot, which is published at the end of that turn.
 * A promise that nobody waits for does not crash the process when the stream is aborted.
 */
export class LaneWriter implements ScopePart {
  readonly #scope: StreamScope;
  readonly #ring: RingWriter;
  readonly #turn = new Turn();
  readonly #queue = new SerialQueue();
  #ending = false;
  #ended = false;
  #closed = false;
  #reserved = false;
  #flushing = false;

  /** @internal */
  constructor(scope: StreamScope, ring: RingWriter) {
    this.#scope = scope;
    this.#ring = ring;
  }

  /** `end` has been called. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The end has been published. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that one slot takes. */
  get slotSize(): number {
    return this.#ring.slotSize;
  }

  /**
   * Writes bytes of any length. Resolves when the lane has taken them all, which waits for the
   * client as soon as the ring is full; the bytes must not change before.
   * @throws UploadResponseError (as a rejection) the reason of the abort, LANE_ENDED
   */
  write(data: BodyData): Promise<void> {
    try {
      this.#expectOpen();
      const bytes = toBytes(data);
      const taken = this.#queue.length === 0 ? this.#append(bytes, 0) : 0;
      if (taken === bytes.length) return this.#turn.spend(taken) ?? DONE;
      return this.#enqueue(() => this.#rest(bytes, taken));
    } catch (error) {
      return rejected(error);
    }
  }

  /** Writes what there is room for without waiting; returns how many bytes were taken.
   *  @throws UploadResponseError as `write` */
  tryWrite(data: BodyData): number {
    this.#expectOpen();
    return this.#queue.length === 0 ? this.#append(toBytes(data), 0) : 0;
  }

  /** Publishes what was written so far without waiting for the turn's end. */
  flush(): void {
    if (!this.#closed && this.#queue.length === 0) this.#attempt(() => this.#ring.flush());
  }

  /**
   * A writable view on the next slot's memory, to be filled in place, or undefined when the lane is
   * full. Nothing is visible before `commit`, and the view must not be touched after it.
   */
  tryReserve(): Uint8Array | undefined {
    this.#expectOpen();
    if (this.#queue.length > 0) return undefined;
    return this.#reserve();
  }

  /** As `tryReserve`, waiting for room. */
  async reserve(): Promise<Uint8Array> {
    let view: Uint8Array | undefined;
    this.#expectOpen();
    await this.#enqueue(async () => {
      for (view = this.#reserve(); !view; view = this.#reserve()) await this.#room();
    });
    return view as Uint8Array;
  }

  /** Publishes the first `length` bytes of the reserved slot; 0 drops the reservation. */
  commit(length: number): void {
    if (!this.#reserved) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'commit without a reserved slot');
    }
    this.#reserved = false;
    try {
      // Without bytes there is nothing to publish; the next write fills the same slot.
      if (length > 0) this.#attempt(() => this.#ring.commit(length, SlotFlag.body));
    } finally {
      this.#scope.takeBack();
    }
  }

  /**
   * Writes `data`, trailer fields and the end. Resolves when the end has been published.
   * @throws UploadResponseError (as a rejection) as `write`
   */
  end(data?: BodyData, trailers?: HeadersInput): Promise<void> {
    try {
      this.#expectOpen();
      const bytes = data === undefined ? NOTHING : toBytes(data);
      const fields = headerList(trailers);
      const frame =
        fields.length > 0 ? encodeHeaders(this.#scope.id, this.trailerHead(fields)) : undefined;
      this.#ending = true;
      return this.#enqueue(async () => {
        await this.#rest(bytes, 0);
        const ring = this.#ring;
        if (frame) await this.#until(() => ring.tryWrite(frame, SlotFlag.trailers));
        await this.#until(() => ring.tryEnd());
        this.#ended = true;
        this.finished();
      });
    } catch (error) {
      return rejected(error);
    }
  }

  /** Resolves when nothing that was written is waiting for room any more. Never rejects. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Gives up: readers of the lane see `error`'s number instead of an end. Idempotent. */
  fail(error: UploadResponseError): void {
    if (this.#closed || this.#ended) return;
    this.#closed = true;
    quietly(() => this.#ring.fail(error.number));
    quietly(() => this.#ring.release());
  }

  abort(error: UploadResponseError): void {
    // A claim that is lost with its holder is re-queued; one that was given up is not.
    if (LEFT_TO_SERVER.has(error.code) && !this.#scope.givenUp) this.#closed = true;
    else if (!this.#reserved) this.fail(error);
  }

  close(): void {
    if (this.#closed) return;
    if (!this.#ended) {
      this.fail(this.#scope.error ?? new UploadResponseError('WORKER_FAILED'));
      return;
    }
    this.#closed = true;
    quietly(() => this.#ring.release());
  }

  /** Publishes a head as the lane's first slot. @throws UploadResponseError SLOT_TOO_LARGE, HPKS_... */
  protected writeHead(head: Head): void {
    const frame = encodeHeaders(this.#scope.id, head);
    if (!this.#attempt(() => this.#ring.tryWrite(frame, SlotFlag.head))) {
      throw new UploadResponseError('FULL', 'the lane has no room for its head');
    }
  }

  /** The head whose fields are the trailers. */
  protected trailerHead(headers: Head['headers']): Head {
    return { kind: 'response', version: 1, status: 200, headers };
  }

  /** Runs once when the end has been published. */
  protected finished(): void {
    this.close();
  }

  #append(bytes: Uint8Array, from: number): number {
    if (this.#reserved) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'a slot is reserved: commit it first');
    }
    if (from === bytes.length) return 0;
    const taken = this.#attempt(() => this.#ring.tryAppend(bytes, from));
    this.#flushSoon();
    return taken;
  }

  async #rest(bytes: Uint8Array, from: number): Promise<void> {
    let taken = from;
    while (taken < bytes.length) {
      const count = this.#append(bytes, taken);
      taken += count;
      if (taken < bytes.length) await this.#room();
      else await this.#turn.spend(count);
    }
  }

  #reserve(): Uint8Array | undefined {
    if (this.#reserved) {
      throw new UploadResponseError('INVALID_ARGUMENT', 'a slot is reserved: commit it first');
    }
    const view = this.#attempt(() => {
      this.#ring.flush();
      return this.#ring.tryReserve();
    });
    if (!view) return undefined;
    this.#reserved = true;
    this.#scope.lend();
    return view;
  }

  async #until(operation: () => boolean): Promise<void> {
    while (!this.#attempt(operation)) await this.#room();
  }

  async #room(): Promise<void> {
    const { segment, id, waits } = this.#scope;
    await segment.waitFor(id, () => this.#ring.poll(), waits);
  }

  #attempt<T>(operation: () => T): T {
    if (this.#closed) this.#scope.throwIfOver();
    return this.#scope.attempt(operation);
  }

  #expectOpen(): void {
    if (this.#ending) throw new UploadResponseError('LANE_ENDED');
    this.#scope.throwIfOver();
    if (this.#closed) throw new UploadResponseError('DETACHED', 'the writer was closed');
  }

  /** After a failed operation the next one fails for the same reason: the lane is closed. */
  #enqueue(operation: () => Promise<void>): Promise<void> {
    return this.#queue.add(() =>
      operation().catch((error) => {
        throw this.#scope.explain(error);
      }),
    );
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (this.#closed || this.#ended || this.#reserved) return;
      quietly(() => this.#attempt(() => this.#ring.flush()));
    });
  }
}

function quietly(operation: () => void): void {
  try {
    operation();
  } catch {
    // The stream has gone; the scope knows and tells everybody who waits.
  }
}
