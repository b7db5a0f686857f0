import { UploadResponseError } from '../errors/index.js';
import { Segment, WorkerRole } from '../ring/index.js';
import type { ResolvedOptions } from './options.js';
import { StreamTaker } from './stream-taker.js';
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
  readonly #taker: StreamTaker;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #stopListening: readonly (() => void)[];
  #subscribed = false;
  #over = false;
  #retired: Promise<void> | undefined;
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
    this.#taker = new StreamTaker(segment, options, (id) => this.#workHooks(id));
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
  retire(): Promise<void> {
    this.#stopTaking();
    this.#retired ??= this.#leave();
    return this.#retired;
  }

  /** Gives everything back at once. For the server that is as if the process had died. */
  detach(): void {
    this.#stopTaking();
    clearInterval(this.#heartbeat);
    for (const stop of this.#stopListening) stop();
    this.#segment.close();
    this.#emptied?.();
  }

  async #leave(): Promise<void> {
    if (this.#work.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
    this.detach();
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
    // Without room it was announced before we could say so.
    const others = this.#hooks.wants() ? this.#consider(id) : true;
    if (others && !this.#options.observes) this.#segment.native.passOn(id);
    this.pump();
  }

  /** Says whether the stream is somebody else's business. */
  #consider(id: number): boolean {
    const taken = this.#taker.take(id);
    if (taken === undefined || taken === 'unwanted') return taken === 'unwanted';
    this.#work.set(id, taken);
    this.#beat();
    this.#hooks.deliver(taken);
    return false;
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
