import { UploadResponseError } from '../errors/index.js';
import type { RequestHead } from '../protocols/hpks/index.js';
import { Lane, type Segment } from '../ring/index.js';
import type { Patience } from './patience.js';
import type { RemoteClaim } from './remote-claim.js';
import type { RemoteStream } from './remote-stream.js';
import { requestHeadOf } from './request-head.js';
import { StreamBell } from './stream-bell.js';

/** How long a stream is not told again to a worker that has left it: it may not have got the answer. */
const TELL_AGAIN_MS = 1000;

/** Of a remote worker, what its way to new streams needs. */
export interface IntakeHost {
  readonly segment: Segment;
  readonly role: 'responder' | 'observer';
  /** It works on as much as it can. */
  readonly full: boolean;
  stream(id: number): RemoteStream;
  held(id: number): RemoteStream | undefined;
}

/** How a remote worker comes to its streams: it is told of them, or takes them. */
export class Intake {
  readonly #host: IntakeHost;
  readonly #bell: StreamBell;
  /** When the worker was told of a stream that it could take and has not taken. */
  readonly #told = new Map<number, number>();
  readonly #onChange = new Set<(changed: true) => void>();

  constructor(host: IntakeHost) {
    this.#host = host;
    this.#bell = new StreamBell(host.segment);
  }

  /** Ids of the streams that it could take or observe and has not been told of; waits for one, and
   *  before that until it has room for one. None when the time is over. */
  async next(patience: Patience): Promise<readonly number[]> {
    const ids = await this.#awaitStreams(patience);
    for (const id of ids) this.#leave(id);
    return ids;
  }

  /** Claims the next stream that is wanted, and joins its request; undefined when there was none in
   *  time. */
  async take(
    patience: Patience,
    wants: (head: RequestHead) => boolean,
  ): Promise<RemoteClaim | undefined> {
    for (;;) {
      const ids = await this.#awaitStreams(patience);
      if (ids.length === 0) return undefined;
      for (const id of ids) {
        const claim = this.#tryTake(id, wants);
        if (claim) return claim;
      }
    }
  }

  /** Another worker was faster: the stream may come back when that one dies. */
  lost(id: number): void {
    this.#told.delete(id);
  }

  /** The worker begins or ceases to work on something. */
  changed(): void {
    for (const resolve of this.#onChange) resolve(true);
    this.#onChange.clear();
  }

  /** Whoever waits need not any more. */
  close(): void {
    this.#bell.close();
    this.changed();
  }

  #tryTake(id: number, wants: (head: RequestHead) => boolean): RemoteClaim | undefined {
    const { segment } = this.#host;
    try {
      const head = requestHeadOf(segment, id);
      if (head && wants(head)) return this.#claim(id, head);
      segment.native.passOn(id);
    } catch (error) {
      if (!(error instanceof UploadResponseError)) throw error;
    }
    this.#leave(id);
    return undefined;
  }

  #claim(id: number, head: RequestHead): RemoteClaim {
    const stream = this.#host.stream(id);
    const claim = stream.take(Lane.response, head.version);
    try {
      const { gap } = stream.join(Lane.request, 0);
      if (gap > 0) throw new UploadResponseError('LAPPED', 'the request is not whole');
      return claim;
    } catch (error) {
      // As a local worker does: nobody can read all of it any more.
      claim.fail();
      stream.leave();
      throw error;
    }
  }

  async #awaitStreams(patience: Patience): Promise<readonly number[]> {
    while (this.#host.full) if (!(await this.#roomFor(patience))) return [];
    const look = () => {
      // Not to be told of what it could not take.
      if (this.#host.full) return [];
      const ids = this.#untold();
      return ids.length > 0 ? ids : undefined;
    };
    return (await this.#bell.until(look, patience, () => this.#againMs())) ?? [];
  }

  #untold(): number[] {
    const { segment, role } = this.#host;
    const open = segment.native.listStreams(role === 'responder');
    const ids = new Set(open);
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    const again = performance.now() - TELL_AGAIN_MS;
    const isNew = (id: number) => (this.#told.get(id) ?? Number.NEGATIVE_INFINITY) <= again;
    return open.filter((id) => !this.#host.held(id) && isNew(id));
  }

  #againMs(): number | undefined {
    return this.#told.size > 0 ? TELL_AGAIN_MS : undefined;
  }

  #leave(id: number): void {
    this.#told.set(id, performance.now());
  }

  /** Resolves when something has changed; false when the time was over before. */
  async #roomFor(patience: Patience): Promise<boolean> {
    const { signal } = patience;
    const changed = new Promise<boolean>((resolve, reject) => {
      const leave = () => reject(signal.reason);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      this.#onChange.add(resolve);
    });
    return (await patience.bounded(changed)) ?? false;
  }
}
