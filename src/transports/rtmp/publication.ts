import { type Admission, admitThen, type Permit } from '../../admission/index.js';
import { type ErrorCode, fromNative, UploadResponseError } from '../../errors/index.js';
import { type Ingress, type IngressExchange, Unanswered } from '../../ingress/index.js';
import type { LentWriter, RtmpContinuation, RtmpMedia } from '../../ring/index.js';
import type { Identity } from '../grace.js';
import { PublicationFacts } from './publication-facts.js';
import { callerOf, headOf, type Target } from './target.js';

/** What a publication has of its transport. */
export interface PublicationHost {
  readonly name: string;
  readonly ingress: Ingress;
  readonly admission: Admission;
  readonly pool: number;
  /** Makes it the one that publishes its key; or says which one it is to go on with, that of a publisher
   *  that has come back. @throws UploadResponseError STREAM_KEY_BUSY */
  claimKey(publication: Publication): Publication | undefined;
  /** The publisher may come back: then `claimKey` says so, else `expired` is called. False: it may not. */
  keep(publication: Publication): boolean;
  /** Counts a request that did not become a stream. */
  refused(error: UploadResponseError): void;
  /** The publisher has said that this was all. */
  unpublished(publication: Publication): void;
  /** Nothing of it is left. */
  over(publication: Publication): void;
}

/** The connection that it is on. Nothing is called any more once it has been told of an end. */
export interface Publisher {
  /** What it publishes goes on with this one. */
  continues(publication: Publication): void;
  /** It may send. */
  started(publication: Publication): void;
  /** No worker wants more of it. */
  stopped(publication: Publication): void;
  failed(publication: Publication, error: UploadResponseError): void;
  pause(): void;
  resume(): void;
  /** Access units go there. */
  lend(lane: LentWriter): void;
  /** What has been counted of its media; undefined where nobody counts. */
  media(): RtmpMedia | undefined;
}

/** While the publisher is gone. */
const NOBODY: Publisher = {
  continues: () => {},
  started: () => {},
  stopped: () => {},
  failed: () => {},
  pause: () => {},
  resume: () => {},
  lend: () => {},
  media: () => undefined,
};

/**
 * What one publisher sends under one key: a request whose body is access units. It becomes a stream with
 * the first of them, since then what the head says of the tracks has come. The answer has no way back: its
 * status is logged.
 */
export class Publication extends Unanswered {
  readonly target: Target;
  /** Its message stream, on the connection that it is on. */
  streamId: number;
  /** Known when it was let in. */
  identity: Identity | undefined;
  /** Where the units of its connection begin; undefined on its first one. */
  continuation: RtmpContinuation | undefined;
  readonly #host: PublicationHost;
  #publisher: Publisher;
  readonly #facts = new PublicationFacts(() => this.#publisher.media());
  #stopAdmitting: (() => void) | undefined;
  #permit: Permit | undefined;
  #exchange: IngressExchange | undefined;
  #lane: LentWriter | undefined;
  /** The lane is full, and no unit of the new connection is in it. */
  #lendsLater = false;
  /** This connection's units go into the lane. */
  #lent = false;
  /** What the connections before this one have sent. */
  #reached = { units: 0, newestMs: 0, at: 0 };
  #metadata: string | undefined;
  /** Nothing more of it comes. */
  #ended = false;
  #over = false;

  constructor(host: PublicationHost, publisher: Publisher, target: Target, streamId: number) {
    super();
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
      const lane = this.#lane ?? this.#open(media).lendBody();
      this.#lane = lane;
      if (this.#exchange?.lentIsFull() ?? true) {
        this.#lend(lane);
        this.#facts.sample();
      } else {
        this.#lendsLater = true;
        this.#publisher.pause();
      }
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
    // The connection may publish something else, and counts anew.
    this.#facts.sample();
    this.#publisher = NOBODY;
    this.#host.unpublished(this);
    if (this.#exchange) this.#exchange.endBody();
    else this.#leave();
  }

  /** The connection broke without a word. */
  gone(): void {
    if (this.#ended) return;
    if (this.#mayWait()) this.#wait();
    else this.#abort('CLIENT_GONE');
  }

  /** The publisher has not come back. */
  expired(): void {
    this.#abort('CLIENT_GONE');
  }

  /** It is open, and more may come: who comes back can go on with it. */
  get canGoOn(): boolean {
    return this.#exchange !== undefined && !this.#ended;
  }

  /** The publisher is back. Workers see times that go on, and parameter sets before the next keyframe. */
  continueWith(publisher: Publisher, streamId: number, permit: Permit): void {
    const before = this.#publisher;
    before.failed(this, new UploadResponseError('STREAM_KEY_TAKEN'));
    this.#leaveConnection(before);
    this.#permit?.release();
    this.#permit = permit;
    this.#publisher = publisher;
    this.streamId = streamId;
    this.continuation = this.#next();
    this.#facts.continued();
    this.#exchange?.goOn();
    publisher.started(this);
    publisher.resume();
  }

  /** Looks at what was counted. */
  sample(): void {
    if (this.#exchange) this.#facts.sample();
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
    // Silence is how a broken connection looks from here.
    if (error.code === 'RTMP_TIMEOUT' && this.#mayWait()) {
      this.#publisher.failed(this, error);
      this.#wait();
    } else if (this.#exchange) this.#exchange.failWith(error);
    else this.#refuse(error);
  }

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
    const { user, peer } = this.target;
    this.identity = { subject: permit.subject ?? (user && `authmod:${user.name}`), peer };
    // If it throws, the permit is released by who gave it.
    const before = this.#host.claimKey(this);
    if (before) {
      this.#leave();
      this.#publisher.continues(before);
      before.continueWith(this.#publisher, this.streamId, permit);
      return;
    }
    this.#permit = permit;
    this.#publisher.started(this);
    this.#publisher.resume();
  }

  #open(media: RtmpMedia): IngressExchange {
    const { ingress, name, pool } = this.#host;
    // The ingress releases it; a second time does nothing.
    const permit = this.#permit;
    const head = headOf(this.target, media, this.#metadata);
    const onResume = () => this.#resume();
    const options = { transport: name, pool, head, permit, sink: this, onResume, live: true };
    this.#exchange = ingress.open({ ...options, facts: this.#facts });
    return this.#exchange;
  }

  #resume(): void {
    if (this.#lendsLater && this.#lane) this.#lend(this.#lane);
    this.#publisher.resume();
  }

  #lend(lane: LentWriter): void {
    this.#lendsLater = false;
    this.#lent = true;
    this.#publisher.lend(lane);
  }

  /** False: it may not. Its places are free while it waits: the publisher will need them to come back. */
  #mayWait(): boolean {
    return this.canGoOn && this.#host.keep(this);
  }

  #wait(): void {
    this.#leaveConnection(this.#publisher);
    this.#publisher = NOBODY;
    this.#permit?.release();
    this.#exchange?.hold();
    this.#facts.gone();
  }

  /** Nothing more of this connection goes into the lane: notes what it has reached. */
  #leaveConnection(publisher: Publisher): void {
    const media = publisher.media();
    if (!media) return;
    this.#facts.sample();
    const { units: begun = 0, startMs = 0 } = this.continuation ?? {};
    const { units, newestMs = startMs, video, audio } = media;
    const silentMs = Math.min(video.silentMs ?? 0, audio.silentMs ?? Number.POSITIVE_INFINITY);
    const at = performance.now() - silentMs;
    this.#reached = { units: this.#lent ? units : begun, newestMs, at };
    this.#lent = false;
    this.#lendsLater = false;
  }

  /** Times go on by the time that has passed. */
  #next(): RtmpContinuation {
    const { units, newestMs, at } = this.#reached;
    const passedMs = Math.max(1, Math.round(performance.now() - at));
    return { units, startMs: newestMs + passedMs };
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
