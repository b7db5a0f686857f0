import { errorOf, fromNative, type UploadResponseError } from '../errors/index.js';
import type { Header } from '../protocols/hpks/index.js';
import { Lane, type RingReader, type Segment, type Slot, SlotFlag } from '../ring/index.js';
import { invalid, type ResponseStart, readResponseHead, readTrailers } from './response-head.js';
import type { ResponseSink } from './response-sink.js';

/** Why `pump` stopped: `idle` until the next ring or `sinkReady`; `more` slots are there; `lost`: the
 *  writer has given up; `ended`. */
export type PumpResult = 'idle' | 'more' | 'lost' | 'ended';

/** Slots that one exchange hands on before it is another's turn. */
const TURN_SLOTS = 64;

/**
 * The response side of an exchange: reads the response lane as its gating reader and hands it to the
 * sink. A slot is released when the sink has taken its bytes. Methods throw INVALID_RESPONSE, and what
 * became of the stream.
 */
export class AnswerReader {
  /** Bytes of the body that were handed to the sink. */
  bodyBytes = 0;
  /** Moves with every slot that arrives. */
  slotsSeen = 0;
  /** Moves with every view that the sink is through with. */
  viewsTaken = 0;
  /** When the first slot of this attempt was seen, and when the sink was given the head. */
  firstSlotAt: number | undefined;
  headSentAt: number | undefined;

  readonly #segment: Segment;
  readonly #id: number;
  readonly #toHead: boolean;
  readonly #sink: ResponseSink;
  readonly #mayPass: () => boolean;
  readonly #onTaken: (error?: UploadResponseError) => void;
  #reader: RingReader;
  #ahead: Slot[] = [];
  #start: ResponseStart | undefined;
  #trailersSeen = false;
  #ended = false;
  #sinkFull = false;
  /** Ids of the slots whose views the sink still has, oldest first. */
  readonly #lent: number[] = [];

  /** `toHead`: the request was HEAD. `mayPass`: nothing holds the response back.
   *  `onTaken`: the sink is through with a view, or the view's slot could not be given back.
   *  @throws UploadResponseError STALE_STREAM, NO_FREE_READER */
  constructor(
    segment: Segment,
    id: number,
    toHead: boolean,
    sink: ResponseSink,
    mayPass: () => boolean,
    onTaken: (error?: UploadResponseError) => void,
  ) {
    this.#onTaken = onTaken;
    this.#segment = segment;
    this.#id = id;
    this.#toHead = toHead;
    this.#sink = sink;
    this.#mayPass = mayPass;
    this.#reader = segment.join(id, Lane.response, 0);
  }

  /** The worker has written a valid head. */
  get started(): boolean {
    return this.#start !== undefined;
  }

  /** The sink has been given the head: from here on an error can only cut. */
  get headSent(): boolean {
    return this.headSentAt !== undefined;
  }

  /** Status that the sink was given. */
  get status(): number | undefined {
    return this.headSent ? this.#start?.status : undefined;
  }

  /** The sink has been given everything. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The worker has written something. */
  get begun(): boolean {
    return this.#reader.last > 0;
  }

  /** The sink has asked for a pause. */
  get sinkFull(): boolean {
    return this.#sinkFull;
  }

  /** Views that the sink still has. */
  get lent(): number {
    return this.#lent.length;
  }

  /** The sink takes bytes again. */
  sinkReady(): void {
    this.#sinkFull = false;
  }

  /** True when the lane holds the end of the response: its writer is not needed any more. */
  isComplete(): boolean {
    for (let slot = this.#reader.tail(); slot; slot = this.#reader.tail()) this.#ahead.push(slot);
    const last = this.#ahead[this.#ahead.length - 1];
    return this.#ended || (last !== undefined && (last.flags & SlotFlag.end) !== 0);
  }

  /** Hands on what there is and may go; afterwards a wake is armed for what comes. */
  pump(): PumpResult {
    for (let turn = 0; turn < TURN_SLOTS; turn++) {
      if (this.#ended) return 'ended';
      if (this.#sinkFull || (this.started && !this.headSent && !this.#mayPass())) return 'idle';
      const slot = this.#ahead.shift() ?? this.#reader.tail();
      if (slot) {
        this.slotsSeen++;
        this.firstSlotAt ??= performance.now();
        this.#take(slot);
        continue;
      }
      if (this.started && !this.headSent) this.#sendHead();
      const armed = this.#reader.poll();
      if (armed === 1) return 'idle';
      if (armed === 0) continue;
      if (this.#segment.native.failureOf(this.#id, Lane.response) > 0) return 'lost';
      throw errorOf(armed);
    }
    return 'more';
  }

  /** Forgets what the dead worker wrote. Nothing of it may have gone to the sink. */
  leaveForRequeue(): void {
    this.#reader.leave();
    this.#ahead = [];
    this.firstSlotAt = undefined;
    this.#start = undefined;
    this.#trailersSeen = false;
  }

  /** Reads what the next worker writes. @throws UploadResponseError NO_FREE_READER */
  rejoin(): void {
    this.#reader = this.#segment.join(this.#id, Lane.response, 0);
  }

  /** Gives the lane back; lent views are not protected any more. */
  close(): void {
    this.#ended = true;
    this.#ahead = [];
    this.#reader.leave();
  }

  #take(slot: Slot): void {
    const { id, bytes, flags } = slot;
    if (flags & SlotFlag.control) {
      this.#reader.release(id);
    } else if (!this.#start) {
      if (!(flags & SlotFlag.head)) throw invalid('the response does not begin with a head');
      this.#start = readResponseHead(bytes, this.#toHead);
      this.#reader.release(id);
    } else if (flags & SlotFlag.end) {
      this.#end(this.#start);
      this.#reader.release(id);
    } else if (flags & SlotFlag.trailers) {
      this.#sendTrailers(bytes);
      this.#reader.release(id);
    } else if (flags & SlotFlag.body) {
      this.#sendBody(slot, this.#start);
    } else {
      throw invalid('a slot is neither head, body, trailers nor end');
    }
  }

  #sendBody({ id, bytes }: Slot, start: ResponseStart): void {
    if (this.#trailersSeen) throw invalid('there is a body after the trailers');
    if (bytes.length === 0) throw invalid('a body slot is empty');
    if (start.bodyless) {
      this.#reader.release(id);
      return;
    }
    this.bodyBytes += bytes.length;
    if (start.contentLength !== undefined && this.bodyBytes > start.contentLength) {
      throw invalid(`the body is longer than its Content-Length of ${start.contentLength}`);
    }
    if (!this.headSent) this.#sendHead();
    this.#lent.push(id);
    if (!this.#sink.body(bytes, this.#taken)) this.#sinkFull = true;
  }

  #sendTrailers(bytes: Uint8Array): void {
    if (this.#trailersSeen) throw invalid('there are two trailer sections');
    this.#trailersSeen = true;
    const fields = readTrailers(bytes);
    if (!this.headSent) this.#sendHead();
    if (fields.length > 0) this.#sink.trailers(fields);
  }

  #end(start: ResponseStart): void {
    const { contentLength, bodyless } = start;
    if (!bodyless && contentLength !== undefined && contentLength !== this.bodyBytes) {
      throw invalid(`the body has ${this.bodyBytes} bytes and not ${contentLength}`);
    }
    if (!this.headSent) {
      // Known to be empty: the connection can stay in use without a chunked body.
      const empty = !bodyless && contentLength === undefined && !this.#trailersSeen;
      this.#sendHead(empty ? [['content-length', '0']] : []);
    }
    this.#ended = true;
    this.#sink.end();
  }

  #sendHead(added: readonly Header[] = []): void {
    const { status, headers, bodyless } = this.#start as ResponseStart;
    this.headSentAt = performance.now();
    this.#sink.head(status, added.length > 0 ? [...headers, ...added] : headers, bodyless);
  }

  readonly #taken = (): void => {
    const id = this.#lent.shift();
    this.viewsTaken++;
    try {
      if (id !== undefined) this.#reader.release(id);
      this.#onTaken();
    } catch (error) {
      // Only a worker that overwrote the lane's words can make this fail.
      this.#onTaken(fromNative(error));
    }
  };
}
