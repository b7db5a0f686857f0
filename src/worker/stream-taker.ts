import { ERRORS, UploadResponseError } from '../errors/index.js';
import type { RequestHead } from '../protocols/hpks/index.js';
import { JoinAt, Lane, type RingReader, type Segment, streamIndex } from '../ring/index.js';
import { Exchange } from './exchange.js';
import { readRequestHead } from './head.js';
import { Observation } from './observation.js';
import type { ResolvedOptions } from './options.js';
import { StreamScope } from './stream-scope.js';
import type { StreamWork, WorkHooks } from './stream-work.js';

/** Takes streams: as the one that answers, or as an observer. */
export class StreamTaker {
  readonly #segment: Segment;
  readonly #options: ResolvedOptions;
  readonly #hooksOf: (id: number) => WorkHooks;
  /** By place: the id of the stream that was taken or refused there, not to be looked at twice. */
  readonly #seen = new Map<number, number>();
  /** First slots that have gone do not matter. */
  readonly #late: boolean;
  /** Index of the required observer that this worker is, -1 = none. */
  readonly #observer: number;

  constructor(segment: Segment, options: ResolvedOptions, hooksOf: (id: number) => WorkHooks) {
    this.#segment = segment;
    this.#options = options;
    this.#hooksOf = hooksOf;
    this.#late = options.from !== 'start';
    this.#observer =
      options.required === ''
        ? -1
        : segment.description.requiredObservers.indexOf(options.required);
  }

  /** Takes the stream if it is wanted and to be had; undefined if another one has it. Never throws. */
  take(id: number): StreamWork | 'unwanted' | undefined {
    if (this.#seen.get(streamIndex(id)) === id) return undefined;
    try {
      const head = this.#head(id);
      if (!head) {
        if (!this.#late && this.#options.observes && this.#segment.native.isOpen(id) === 1)
          this.#miss(id);
        return undefined;
      }
      if (this.#options.wants(head)) {
        return this.#options.observes ? this.#observe(id, head) : this.#claim(id, head);
      }
      this.#see(id);
      return 'unwanted';
    } catch (error) {
      this.#see(id);
      // It was closed, or given up, while we looked.
      if (error instanceof UploadResponseError && error.code === 'STALE_STREAM') return undefined;
      if (this.#segment.native.abortCode(id) > 0) return undefined;
      this.#options.report({ type: 'failed', id, error });
      return undefined;
    }
  }

  /** Where it has gone, each publication rings until it is repeated. */
  #head(id: number): RequestHead | undefined {
    const head = readRequestHead(this.#segment, id, this.#late);
    if (head || !this.#late) return head;
    this.#segment.native.watch(id, Lane.request, Number.MAX_SAFE_INTEGER);
    return readRequestHead(this.#segment, id, true);
  }

  #claim(id: number, head: RequestHead): Exchange | undefined {
    const segment = this.#segment;
    const ring = segment.tryClaim(id, Lane.response);
    if (!ring) return undefined;
    this.#see(id);
    let reader: RingReader | undefined;
    try {
      reader = segment.join(id, Lane.request, JoinAt[this.#options.from]);
      if (reader.gap > 0 && !this.#late)
        throw new UploadResponseError('LAPPED', 'the request is not whole');
    } catch (error) {
      reader?.leave();
      const known = error instanceof UploadResponseError ? error : ERRORS.WORKER_FAILED;
      ring.fail(known.number);
      ring.release();
      throw error;
    }
    const { native, worker } = segment;
    const scope = new StreamScope(segment, id, () => {
      const evicted = this.#evicted(id);
      if (evicted || native.ownerOf(id, Lane.response) === worker) return evicted;
      return new UploadResponseError('NOT_OWNER', 'the claim was taken away');
    });
    return new Exchange(scope, head, reader, ring, this.#options.body, this.#hooksOf(id));
  }

  #observe(id: number, head: RequestHead): Observation | undefined {
    const segment = this.#segment;
    const reader = segment.join(id, Lane.request, JoinAt[this.#options.from]);
    if (reader.gap > 0 && !this.#late) {
      reader.leave();
      this.#miss(id);
      return undefined;
    }
    // Joined before the duty is taken: from then on the server relies on this reader. A stream whose
    // duty another has is not `seen`: it comes again when that one dies.
    if (this.#observer >= 0 && segment.native.holdVerdict(id, this.#observer) < 0) {
      reader.leave();
      return undefined;
    }
    this.#see(id);
    const scope = new StreamScope(segment, id, () => this.#evicted(id));
    const { body } = this.#options;
    return new Observation(scope, head, reader, this.#observer, body, this.#hooksOf(id));
  }

  /** The first slots have gone: who must judge the whole cannot let it pass. */
  #miss(id: number): void {
    this.#see(id);
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

  #see(id: number): void {
    this.#seen.set(streamIndex(id), id);
  }
}
