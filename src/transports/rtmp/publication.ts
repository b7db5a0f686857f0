import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { type ErrorCode, fromNative, UploadResponseError } from '../../errors/index.js';
import type { Ingress, IngressExchange, ResponseSink } from '../../ingress/index.js';
import type { LentWriter, RtmpMedia } from '../../ring/index.js';
import { callerOf, headOf, type Target } from './target.js';

/** What a publication has of its transport. */
export interface PublicationHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  /** Makes it the one that publishes its key. @throws UploadResponseError STREAM_KEY_BUSY */
  claimKey(publication: Publication): void;
  /** Counts a request that did not become a stream. */
  refused(error: UploadResponseError): void;
  /** The publisher has said that this was all. */
  unpublished(publication: Publication): void;
  /** Nothing of it is left. */
  over(publication: Publication): void;
}

/** The connection that it is on. Nothing is called any more once it has been told of an end. */
export interface Publisher {
  /** It may send. */
  started(publication: Publication): void;
  /** No worker wants more of it. */
  stopped(publication: Publication): void;
  failed(publication: Publication, error: UploadResponseError): void;
  pause(): void;
  resume(): void;
  /** Access units go there. */
  lend(lane: LentWriter): void;
}

/**
 * What one publisher sends under one key: a request whose body is access units. It becomes a stream with
 * the first of them, since then what the head says of the tracks has come. The answer has no way back: it
 * is read, and its status is logged.
 */
export class Publication implements ResponseSink {
  readonly target: Target;
  /** Its message stream. */
  readonly streamId: number;
  readonly #host: PublicationHost;
  readonly #publisher: Publisher;
  #stopAdmitting: (() => void) | undefined;
  #permit: Permit | undefined;
  #exchange: IngressExchange | undefined;
  #metadata: string | undefined;
  /** Nothing more of it comes. */
  #ended = false;
  #over = false;

  constructor(host: PublicationHost, publisher: Publisher, target: Target, streamId: number) {
    this.#host = host;
    this.#publisher = publisher;
    this.target = target;
    this.streamId = streamId;
  }

  start(): void {
    this.#publisher.pause();
    this.#stopAdmitting = admitThen(
      this.#host.admission,
      'publish',
      callerOf(this.#host.name, this.target),
      (permit) => this.#admitted(permit),
      (error) => this.#refuse(error),
    );
  }

  /** Its first frame has come: it becomes a stream, which native code writes. */
  begin(media: RtmpMedia): void {
    if (this.#ended || this.#over) return;
    try {
      this.#publisher.lend(this.#open(media).lendBody());
    } catch (error) {
      this.failWith(fromNative(error));
    }
  }

  /** The lane is full. False: nothing may be written until `resume` is called. */
  makeRoom(): boolean {
    return this.#exchange?.lentIsFull() ?? true;
  }

  /** onMetaData as JSON; what comes after the first frame is not seen by anybody. */
  describe(metadata: string): void {
    this.#metadata = metadata;
  }

  /** The publisher has said that this was all. */
  unpublish(): void {
    if (this.#ended || this.#over) return;
    this.#ended = true;
    this.#host.unpublished(this);
    if (this.#exchange) this.#exchange.endBody();
    else this.#leave();
  }

  /** The connection broke without a word. */
  gone(): void {
    if (!this.#ended) this.#abort('CLIENT_GONE');
  }

  takenOver(): void {
    const told = !this.#ended;
    this.#abort('STREAM_KEY_TAKEN');
    if (told) this.#publisher.failed(this, new UploadResponseError('STREAM_KEY_TAKEN'));
  }

  cut(): void {
    this.#abort('SHUTTING_DOWN');
  }

  /** Ends it with an error that workers and publisher see. */
  failWith(error: UploadResponseError): void {
    if (this.#over) return;
    if (this.#exchange) this.#exchange.failWith(error);
    else this.#refuse(error);
  }

  head(): void {}

  body(_view: Uint8Array, taken: () => void): boolean {
    taken();
    return true;
  }

  trailers(): void {}

  /** The answer is whole: what still comes would be read by nobody. */
  end(): void {
    const told = !this.#ended;
    this.#leave();
    if (told) this.#publisher.stopped(this);
  }

  fail(error: UploadResponseError): void {
    const told = !this.#ended;
    this.#leave();
    if (told) this.#publisher.failed(this, error);
  }

  #admitted(permit: Permit): void {
    this.#stopAdmitting = undefined;
    // If it throws, the permit is released by who gave it.
    this.#host.claimKey(this);
    this.#permit = permit;
    this.#publisher.started(this);
    this.#publisher.resume();
  }

  #open({ videoRecord, audioRecord }: RtmpMedia): IngressExchange {
    const { ingress, name, pool } = this.#host;
    const permit = this.#permit;
    this.#permit = undefined;
    const head = headOf(this.target, { videoRecord, audioRecord, metadata: this.#metadata });
    const onResume = () => this.#publisher.resume();
    const options = { transport: name, pool, head, permit, sink: this, onResume, live: true };
    this.#exchange = ingress.open(options);
    return this.#exchange;
  }

  #refuse(error: UploadResponseError): void {
    this.#host.refused(error);
    this.#leave();
    this.#publisher.failed(this, error);
  }

  #abort(code: ErrorCode): void {
    if (this.#over) return;
    this.#exchange?.abort(code);
    this.#leave();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended = true;
    this.#stopAdmitting?.();
    this.#permit?.release();
    this.#permit = undefined;
    this.#host.over(this);
  }
}
