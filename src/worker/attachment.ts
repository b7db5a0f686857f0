import { UploadResponseError } from '../errors/index.js';
import type { RequestHead } from '../protocols/hpks/index.js';
import { Lane, type RingReader, Segment, streamIndex, WorkerRole } from '../ring/index.js';
import { Exchange } from './exchange.js';
import { readRequestHead } from './head.js';
import { Observation } from './observation.js';
import type { ResolvedOptions } from './options.js';
import { StreamScope } from './stream-scope.js';
import type { StreamWork, WorkHooks } from './stream-work.js';

/** What an attachment asks of its worker. */
export interface AttachmentHooks {
  /** There is somebody to give a stream to, and room for it. */
  wants(): boolean;
  /** Takes a stream; called only while `wants()`. */
  deliver(work: StreamWork): void;
  /** The server has gone. */
  lost(): void;
  /** Work has ended: `wants()` may have changed. */
  settled(): void;
}

const HEARTBEAT_MS = 1000;

/**
 * One worker's presence in one segment: it hears of new streams, takes those that are wanted, and
 * stays until the work on them is over, even when the server has gone meanwhile.
 */
export class Attachment {
  readonly #segment: Segment;
  readonly #options: ResolvedOptions;
  readonly #hooks: AttachmentHooks;
  readonly #work = new Map<number, StreamWork>();
  /** By place: the id of the stream that was taken or refused there, not to be looked at twice. */
  readonly #seen = new Map<number, number>();
  readonly #observer: number;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #stopListening: readonly (() => void)[];
  #subscribed = false;
  #over = false;
  #emptied: (() => void) | undefined;

  /** Rejects with SERVER_GONE, NO_FREE_WORKER, UNKNOWN_OBSERVER, ABI_MISMATCH ... */
  static async open(options: ResolvedOptions, hooks: AttachmentHooks): Promise<Attachment> {
    const segment = await Segment.attach({
      socket: options.socket,
      name: options.name,
      role: options.observes ? WorkerRole.observer : WorkerRole.responder,
      observer: options.required,
      capacity: options.concurrency,
    });
    return new Attachment(segment, options, hooks);
  }

  private constructor(segment: Segment, options: ResolvedOptions, hooks: AttachmentHooks) {
    this.#segment = segment;
    this.#options = options;
    this.#hooks = hooks;
    this.#observer =
      options.required === ''
        ? -1
        : segment.description.requiredObservers.indexOf(options.required);
    this.#stopListening = [
      segment.onStream((index) => this.#rung(index)),
      segment.onWake(() => {
        if (!segment.native.connected()) this.#lose();
      }),
    ];
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    this.#beat();
  }

  /** Own row of the segment. */
  get worker(): number {
    return this.#segment.worker;
  }

  get bootId(): string {
    return this.#segment.description.bootId;
  }

  /** Streams that are being worked on. */
  get inFlight(): number {
    return this.#work.size;
  }

  /** Subscribes to new streams, or not, as the worker wants them. */
  pump(): void {
    if (this.#over) return;
    const { native } = this.#segment;
    if (this.#hooks.wants() && !this.#subscribed) {
      this.#subscribed = true;
      native.waitForStreams(true);
      // After subscribing, so that no stream can fall between the list and the first ring.
      for (const id of native.listStreams(!this.#options.observes)) {
        if (!this.#hooks.wants()) break;
        this.#consider(id);
      }
    }
    if (this.#subscribed && !this.#hooks.wants()) {
      this.#subscribed = false;
      native.waitForStreams(false);
    }
  }

  /** Aborts the work on every stream. */
  abort(error: UploadResponseError): void {
    for (const work of [...this.#work.values()]) work.scope.abort(error);
  }

  /** Takes no stream any more; detaches when the work on those taken is over. */
  async retire(): Promise<void> {
    this.#stopTaking();
    if (this.#work.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
    this.detach();
  }

  /** Gives everything back at once. For the server that is as if the process had died. */
  detach(): void {
    this.#stopTaking();
    clearInterval(this.#heartbeat);
    for (const stop of this.#stopListening) stop();
    this.#segment.close();
    this.#emptied?.();
  }

  #stopTaking(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#subscribed && !this.#segment.closed) this.#segment.native.waitForStreams(false);
    this.#subscribed = false;
  }

  #lose(): void {
    if (this.#over && this.#work.size === 0) return;
    for (const stop of this.#stopListening) stop();
    this.#over = true;
    this.abort(new UploadResponseError('SERVER_GONE'));
    this.#hooks.lost();
  }

  #beat(): void {
    this.#segment.native.heartbeat(this.#options.concurrency, this.#work.size);
  }

  #rung(index: number): void {
    if (this.#over) return;
    const id = this.#segment.native.streamAt(index);
    if (id <= 0 || this.#work.has(id)) return;
    if (this.#hooks.wants()) this.#consider(id, true);
    // Announced before we could say that we are full.
    else if (!this.#options.observes) this.#segment.native.passOn(id);
    this.pump();
  }

  #consider(id: number, announced = false): void {
    const index = streamIndex(id);
    if (this.#seen.get(index) === id) return;
    const { native } = this.#segment;
    try {
      const head = readRequestHead(this.#segment, id);
      if (!head) {
        if (this.#options.observes && native.isOpen(id) === 1) this.#miss(id);
        return;
      }
      if (this.#options.wants(head)) {
        if (this.#options.observes) this.#observe(id, head);
        else this.#claim(id, head);
        return;
      }
    } catch (error) {
      if (!(error instanceof UploadResponseError && error.code === 'STALE_STREAM')) {
        this.#options.report({ type: 'failed', id, error });
      }
    }
    this.#seen.set(index, id);
    if (announced && !this.#options.observes) native.passOn(id);
  }

  #claim(id: number, head: RequestHead): void {
    const segment = this.#segment;
    const ring = segment.tryClaim(id, Lane.response);
    if (!ring) return;
    this.#seen.set(streamIndex(id), id);
    let reader: RingReader | undefined;
    try {
      reader = segment.join(id, Lane.request, 0);
      if (reader.gap > 0) throw new UploadResponseError('LAPPED', 'the request is not whole');
    } catch (error) {
      reader?.leave();
      ring.fail(error instanceof UploadResponseError ? error.number : 0);
      ring.release();
      throw error;
    }
    const { native, worker } = segment;
    const scope = new StreamScope(segment, id, () => {
      if (native.ownerOf(id, Lane.response) === worker) return this.#evicted(id);
      return this.#evicted(id) ?? new UploadResponseError('NOT_OWNER', 'the claim was taken away');
    });
    const { body } = this.#options;
    this.#take(new Exchange(scope, head, reader, ring, body, this.#workHooks(id)));
  }

  #observe(id: number, head: RequestHead): void {
    const segment = this.#segment;
    const reader = segment.join(id, Lane.request, 0);
    const required = this.#observer >= 0;
    if (reader.gap > 0) {
      reader.leave();
      this.#miss(id);
      return;
    }
    // Joined before the duty is taken: from then on the server relies on this reader. A stream whose
    // duty another has is not `seen`: it comes again when that one dies.
    if (required && segment.native.holdVerdict(id, this.#observer) < 0) {
      reader.leave();
      return;
    }
    this.#seen.set(streamIndex(id), id);
    const scope = new StreamScope(segment, id, () => this.#evicted(id));
    const { body } = this.#options;
    this.#take(new Observation(scope, head, reader, this.#observer, body, this.#workHooks(id)));
  }

  /** The first slots have gone: who must judge the whole cannot let it pass. */
  #miss(id: number): void {
    this.#seen.set(streamIndex(id), id);
    const { native } = this.#segment;
    if (this.#observer >= 0) {
      if (native.holdVerdict(id, this.#observer) < 0) return;
      native.giveVerdict(id, this.#observer, false, 503, 'the observer came too late');
    }
    this.#options.report({ type: 'missed', id });
  }

  #evicted(id: number): UploadResponseError | undefined {
    const { native, worker } = this.#segment;
    const readers = native.readersOf(id, Lane.request, worker);
    return readers === 0 ? new UploadResponseError('EVICTED') : undefined;
  }

  #take(work: StreamWork): void {
    this.#work.set(work.id, work);
    this.#beat();
    this.#hooks.deliver(work);
  }

  #workHooks(id: number): WorkHooks {
    return {
      settled: () => {
        this.#work.delete(id);
        if (this.#segment.closed) return;
        this.#beat();
        this.#hooks.settled();
        if (this.#work.size === 0) this.#emptied?.();
      },
      failed: (error) => this.#options.report({ type: 'failed', id, error }),
    };
  }
}
